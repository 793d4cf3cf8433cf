"""Floor division and its remainder, of integers.

tf2onnx divides as ONNX does, towards zero, and so is wrong where a sign is negative. ONNX's `Mod`
has the divisor's sign, as TensorFlow's remainder; without it a division comes out even.
"""

from onnx import TensorProto
from tf2onnx.onnx_opset.math import FloorDiv, FloorMod

from export.lowering.marks import Context, InPlace, Node

SIGNED = (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64)


def floor_mod(context: Context, node: Node, name: str, args: object) -> None:
    """Writes FloorMod; of floats it is left to tf2onnx."""
    if context.get_dtype(node.input[0]) not in SIGNED:
        FloorMod.version_7(context, node)
        return
    nodes = InPlace(context, node)
    nodes.give("Mod", nodes.inputs)


def floor_div(context: Context, node: Node, name: str, args: object) -> None:
    """Writes FloorDiv; of what has no sign, or is no integer, it is left to tf2onnx."""
    if context.get_dtype(node.input[0]) not in SIGNED:
        FloorDiv.version_6(context, node)
        return
    nodes = InPlace(context, node)
    x, divisor = nodes.inputs
    even = nodes("Sub", [x, nodes("Mod", [x, divisor])])
    nodes.give("Div", [even, divisor])
