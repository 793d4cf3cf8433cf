"""The characters of integers, as numbers: their digits and a sign, without any text."""

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from export.lowering.marks import Nodes
from export.lowering.words import Words

LONGEST = 20
"""Characters of an integer: nineteen digits and a sign."""
ZERO, MINUS = ord("0"), ord("-")


class Text:
    """An integer's characters, from its first and from its last, int64 each."""

    def __init__(self, nodes: Nodes, number: str) -> None:
        """Writes the characters of `number`, int64 of any shape."""
        self._nodes = nodes
        zero = nodes.constant(0, np.int64)
        is_negative = nodes("Less", [number, zero])
        size = nodes("Where", [is_negative, nodes("Sub", [zero, number]), number])
        size = nodes.unsqueezed(nodes("Cast", [size], to=TensorProto.UINT64), -1)
        powers = nodes.constant([10**place for place in range(LONGEST)], np.uint64)
        is_reached = nodes("GreaterOrEqual", [size, powers])  # 10 ** 19 never is
        digits = nodes("Mod", [nodes("Div", [size, powers]), nodes.constant(10, np.uint64)])
        digits = nodes("Cast", [digits], to=TensorProto.INT64)
        characters = nodes("Add", [digits, nodes.constant(ZERO, np.int64)])
        reached = nodes("Cast", [is_reached], to=TensorProto.INT64)
        count = nodes("ReduceSum", [reached, nodes.constant([-1], np.int64)], keepdims=1)
        count = nodes("Max", [count, nodes.constant(1, np.int64)])
        places = nodes.constant(range(LONGEST), np.int64)
        is_sign = nodes("And", [nodes("Equal", [places, count]), nodes.unsqueezed(is_negative, -1)])
        minus = nodes.constant(MINUS, np.int64)
        self._from_last = nodes("Where", [is_sign, minus, characters])
        signs = nodes.unsqueezed(nodes("Cast", [is_negative], to=TensorProto.INT64), -1)
        self._length = nodes("Add", [count, signs])  # [..., 1]
        self.length = nodes.squeezed(self._length, -1)
        last = nodes("Sub", [self._length, nodes.constant(1, np.int64)])
        backwards = nodes("Max", [nodes("Sub", [last, places]), zero])
        found = nodes("GatherElements", [self._from_last, backwards], axis=-1)
        is_there = nodes("Less", [places, self._length])
        self._from_first = nodes("Where", [is_there, found, zero])

    def first(self, count: int, after: int = 0) -> str:
        """The word of so many characters after some others."""
        return self._word(self._from_first, [after + i for i in range(count)])

    def block(self, number: int) -> str:
        """The word of eight characters after as many for each block before; zeros after the end."""
        return self.first(min(8, LONGEST - 8 * number), after=8 * number)

    def last(self, count: int, before: int = 0) -> str:
        """The word of so many characters before some others at the end."""
        return self._word(self._from_last, [before + count - 1 - i for i in range(count)])

    def middle(self) -> str:
        """The character in the middle, the later one of two."""
        nodes = self._nodes
        half = nodes("Div", [self._length, nodes.constant(2, np.int64)])
        found = nodes("GatherElements", [self._from_first, half], axis=-1)
        return self._word(found, [0])

    def _word(self, characters: str, places: Sequence[int]) -> str:
        """Little-endian; summed by halves, for ONNX Runtime sums integers as float64."""
        nodes, words = self._nodes, Words(self._nodes)
        if len(places) > 4:
            high = words.shifted(self._word(characters, places[4:]), 32, "LEFT")
            return words.sum(self._word(characters, places[:4]), high)
        taken = nodes("Gather", [characters, nodes.constant(places, np.int64)], axis=-1)
        weights = nodes.constant([1 << 8 * i for i in range(len(places))], np.int64)
        parts = nodes("Mul", [taken, weights])
        return words.of(nodes("ReduceSum", [parts, nodes.constant([-1], np.int64)], keepdims=0))
