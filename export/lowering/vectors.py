"""Operators over short vectors that tf2onnx does not know: cross products, and shapes together."""

from typing import Any

import numpy as np

from export.lowering.marks import Context, Node, Nodes


def cross(context: Context, node: Node, name: str, args: object) -> None:
    """Writes a cross product of [..., 3]: each component of the next two."""
    a, b = node.input
    output = _taken(context, node)
    nodes = Nodes(context, node.name)

    def turned(vector: str, order: list[int]) -> str:
        found: str = nodes("Gather", [vector, nodes.constant(order, np.int64)], axis=-1)
        return found

    first = nodes("Mul", [turned(a, [1, 2, 0]), turned(b, [2, 0, 1])])
    second = nodes("Mul", [turned(a, [2, 0, 1]), turned(b, [1, 2, 0])])
    _give(context, "Sub", [first, second], output)


def broadcast_args(context: Context, node: Node, name: str, args: object) -> None:
    """Writes the shape of two tensors of one rank together: the longer of each two lengths."""
    ranks = [context.get_shape(one) for one in node.input]
    if ranks[0] is None or ranks[0] != ranks[1]:
        return  # stays as it is, and is named as having no equivalent
    inputs = list(node.input)
    _give(context, "Max", inputs, _taken(context, node))


def _taken(context: Context, node: Node) -> tuple[str, Any, Any]:
    """Takes a node out, and returns its output's name, shape and type."""
    name = node.output[0]
    found = name, context.get_shape(name), context.get_dtype(name)
    context.remove_node(node.name)
    return found


def _give(context: Context, operator: str, inputs: list[str], output: tuple[str, Any, Any]) -> None:
    name, shape, dtype = output
    context.make_node(operator, inputs, outputs=[name], shapes=[shape], dtypes=[dtype])
