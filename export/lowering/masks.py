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
        self._one = one = nodes.constant([1], np.int64)
        self._ones = ones = nodes("Cast", [mask], to=TensorProto.INT64)
        self._passed = nodes("CumSum", [ones, nodes.constant(1, np.int64)])
        self._counts = counts = nodes("ReduceSum", [ones, one], keepdims=1)  # [batch, 1]
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

    def back(self, sequence: str) -> str:
        """Returns answers in the mask's own order.

        A masked step has the answer of the step that counted before it, and zeros if there was
        none.
        """
        has_answer = self._nodes("Not", [self._nodes("Less", [self._passed, self._one])])
        return self._where(has_answer, self._picked(sequence, self._source))

    def back_from_last(self, sequence: str) -> str:
        """The same for steps that were taken from the last to the first.

        A masked step has the answer of the step that counts after it.
        """
        at_or_after = self._nodes("Sub", [self._passed, self._ones])
        has_answer = self._nodes("Less", [at_or_after, self._counts])
        # Where there is none, any place that there is will do.
        source = self._nodes("Where", [has_answer, at_or_after, self._source])
        return self._where(has_answer, self._picked(sequence, source))

    def back_or_zeros(self, sequence: str) -> str:
        """The same, with zeros for every masked step."""
        return self._where(self._mask, self._picked(sequence, self._source))

    def or_where_empty(self, value: str, other: str) -> str:
        """Returns [batch, units], of the other where no step counts."""
        made: str = self._nodes("Where", [self._is_empty, other, value])
        return made

    def _where(self, has_answer: str, picked: str) -> str:
        nodes = self._nodes
        nothing = nodes.constant([0], np.float32)
        made: str = nodes("Where", [nodes.unsqueezed(has_answer, 2), picked, nothing])
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
