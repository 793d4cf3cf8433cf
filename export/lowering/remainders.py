"""Floor division and its remainder, of integers.

tf2onnx divides as ONNX does, towards zero, and so is wrong where a sign is negative. ONNX's `Mod`
has the divisor's sign, as TensorFlow's remainder; without it a division comes out even.
"""

from typing import Any

from onnx import TensorProto
from tf2onnx.onnx_opset.math import FloorDiv, FloorMod

from export.lowering.marks import Context, Node, Nodes

SIGNED = (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64)


def floor_mod(context: Context, node: Node, name: str, args: object) -> None:
    """Writes FloorMod; of floats it is left to tf2onnx."""
    if context.get_dtype(node.input[0]) not in SIGNED:
        FloorMod.version_7(context, node)
        return
    _replace(context, node, "Mod", list(node.input))


def floor_div(context: Context, node: Node, name: str, args: object) -> None:
    """Writes FloorDiv; of what has no sign, or is no integer, it is left to tf2onnx."""
    if context.get_dtype(node.input[0]) not in SIGNED:
        FloorDiv.version_6(context, node)
        return
    x, divisor = node.input
    nodes = Nodes(context, node.name)
    even = nodes("Sub", [x, nodes("Mod", [x, divisor])])
    _replace(context, node, "Div", [even, divisor])


def _replace(context: Context, node: Node, operator: str, inputs: list[str]) -> None:
    output = node.output[0]
    shape, dtype = context.get_shape(output), context.get_dtype(output)
    context.remove_node(node.name)
    outputs: dict[str, Any] = {"outputs": [output], "shapes": [shape], "dtypes": [dtype]}
    context.make_node(operator, inputs, **outputs)
