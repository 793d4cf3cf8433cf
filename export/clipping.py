"""Two bounds, one after the other, become one `Clip`.

tf2onnx writes `clip` as `Min` and `Max`. ONNX Runtime computes one after the other, by its slow way
for tensors that are not of one shape, and joins neither to the convolution before them.
"""

from typing import NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper

from export.wiring import constants_of, makers_of, readers_of

OTHER = {"Min": "Max", "Max": "Min"}
"""The operator that bounds on the other side."""


class Bounded(NamedTuple):
    """What a node bounds, the name of its bound, and that bound."""

    value: str
    name: str
    bound: np.ndarray


def clip(graph: onnx.GraphProto) -> None:
    """Joins each `Min` with the `Max` before it, or the other way round, of constants of float32.

    Where the bounds leave nothing between them the order of the two counts, and they stay.

    Args:
        graph: changed in place; nodes that nothing reads any more stay.
    """
    constants, readers, makers = constants_of(graph), readers_of(graph), makers_of(graph)
    for node in graph.node:
        last = _bounded(node, constants)
        before = makers.get(last.value) if last else None
        if last is None or before is None or before.op_type != OTHER[node.op_type]:
            continue
        first = _bounded(before, constants)
        if first is None or readers[last.value] != 1:
            continue
        low, high = (first, last) if node.op_type == "Min" else (last, first)
        if low.bound <= high.bound:
            node.op_type = "Clip"
            node.input[:] = [first.value, low.name, high.name]


def _bounded(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> Bounded | None:
    """What is bounded by one number of float32; None where a node does something else."""
    if node.op_type not in OTHER or len(node.input) != 2:
        return None
    for value, name in (node.input, reversed(node.input)):
        bound = constants.get(name)
        if bound is not None and not bound.dims and bound.data_type == onnx.TensorProto.FLOAT:
            return Bounded(value, name, numpy_helper.to_array(bound))
    return None
