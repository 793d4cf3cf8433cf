"""Operators over short vectors that tf2onnx does not know: cross products, and shapes together."""

import numpy as np

from export.lowering.marks import Context, InPlace, Node


def cross(context: Context, node: Node, name: str, args: object) -> None:
    """Writes a cross product of [..., 3]: each component of the next two."""
    nodes = InPlace(context, node)
    a, b = nodes.inputs

    def turned(vector: str, order: list[int]) -> str:
        found: str = nodes("Gather", [vector, nodes.constant(order, np.int64)], axis=-1)
        return found

    first = nodes("Mul", [turned(a, [1, 2, 0]), turned(b, [2, 0, 1])])
    second = nodes("Mul", [turned(a, [2, 0, 1]), turned(b, [1, 2, 0])])
    nodes.give("Sub", [first, second])


def broadcast_args(context: Context, node: Node, name: str, args: object) -> None:
    """Writes the shape of two tensors of one rank together: the longer of each two lengths."""
    ranks = [context.get_shape(one) for one in node.input]
    if ranks[0] is None or ranks[0] != ranks[1]:
        return  # stays as it is, and is named as having no equivalent
    nodes = InPlace(context, node)
    nodes.give("Max", nodes.inputs)
