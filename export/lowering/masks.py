"""Masks over time, for operators that know only how many steps count: all of them at the front."""

import numpy as np
from onnx import TensorProto

from export.lowering.marks import Nodes


class Compacted:
    """Moves the steps that a mask lets pass to the front, and answers back to where they belong.

    Attributes:
        lengths: int32 [batch], how many steps count; at least one, for ONNX Runtime's sake.
    """

    def __init__(self, nodes: Nodes, mask: str) -> None:
        """Writes what is needed of a mask, bool [batch, time]."""
        self._nodes, self._mask = nodes, mask
        ones = nodes("Cast", [mask], to=TensorProto.INT64)
        self._passed = nodes("CumSum", [ones, nodes.constant(1, np.int64)])
        axis = nodes.constant([1], np.int64)
        counts = nodes("ReduceSum", [ones, axis], keepdims=1)  # [batch, 1]
        one = nodes.constant([1], np.int64)
        self._is_empty = nodes("Less", [counts, one])
        at_least_one = nodes.squeezed(nodes("Max", [counts, one]), 1)
        self.lengths: str = nodes("Cast", [at_least_one], to=TensorProto.INT32)
        zeros = nodes("Sub", [ones, ones])
        step = nodes("Sub", [self._all(zeros), one])  # 0, 1, 2, … for each sample
        before = nodes("Sub", [self._passed, one])
        behind = nodes("Sub", [nodes("Add", [counts, step]), self._passed])
        place = nodes("Where", [mask, before, behind])
        self._order = nodes("ScatterElements", [zeros, place, step], axis=1)
        self._source = nodes("Max", [before, nodes.constant([0], np.int64)])

    def forth(self, sequence: str) -> str:
        """Returns [batch, time, …] with the steps that count first."""
        return self._picked(sequence, self._order)

    def back(self, sequence: str, *, zeros: bool) -> str:
        """Returns answers in the mask's own order.

        A masked step has the answer of the step that counted before it, and zeros if there was
        none; or always zeros.
        """
        nodes = self._nodes
        one = nodes.constant([1], np.int64)
        has_answer = self._mask if zeros else nodes("Not", [nodes("Less", [self._passed, one])])
        picked = self._picked(sequence, self._source)
        nothing = nodes.constant([0], np.float32)
        made: str = nodes("Where", [nodes.unsqueezed(has_answer, 2), picked, nothing])
        return made

    def or_where_empty(self, value: str, other: str) -> str:
        """Returns [batch, units], of the other where no step counts."""
        made: str = self._nodes("Where", [self._is_empty, other, value])
        return made

    def _all(self, zeros: str) -> str:
        nodes = self._nodes
        ones = nodes("Add", [zeros, nodes.constant([1], np.int64)])
        made: str = nodes("CumSum", [ones, nodes.constant(1, np.int64)])
        return made

    def _picked(self, sequence: str, order: str) -> str:
        made: str = self._nodes(
            "GatherND", [sequence, self._nodes.unsqueezed(order, 2)], batch_dims=1
        )
        return made
