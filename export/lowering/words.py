"""Arithmetic of unsigned words of 64 bits, which wraps around in ONNX Runtime as it does in C."""

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from export.lowering.marks import Nodes


class Words:
    """Writes arithmetic of unsigned words of 64 bits."""

    def __init__(self, nodes: Nodes) -> None:
        """Writes them by `nodes`."""
        self.nodes = nodes

    def word(self, value: int) -> str:
        """Writes a constant."""
        return self.nodes.constant(value, np.uint64)

    def of(self, tensor: str, kind: int = TensorProto.UINT64) -> str:
        """Returns integers as words, or words as integers of another type."""
        made: str = self.nodes("Cast", [tensor], to=kind)
        return made

    def sum(self, *terms: str) -> str:
        """Adds all."""
        return self._folded("Add", terms)

    def product(self, *factors: str) -> str:
        """Multiplies all."""
        return self._folded("Mul", factors)

    def either(self, *words: str) -> str:
        """Returns the bits that are set in an odd number of them."""
        return self._folded("BitwiseXor", words)

    def shifted(self, word: str, by: int, direction: str = "RIGHT") -> str:
        """Shifts all bits."""
        made: str = self.nodes("BitShift", [word, self.word(by)], direction=direction)
        return made

    def rotated(self, word: str, by: int) -> str:
        """Shifts all bits to the right; those that fall out come in again."""
        parts = [self.shifted(word, by), self.shifted(word, 64 - by, "LEFT")]
        made: str = self.nodes("BitwiseOr", parts)
        return made

    def mixed(self, word: str) -> str:
        """Mixes the highest bits into the lowest."""
        return self.either(word, self.shifted(word, 47))

    def chosen(self, condition: str, yes: str, no: str) -> str:
        """Chooses words: ONNX Runtime's Where takes no unsigned ones."""
        pair = [self.of(one, TensorProto.INT64) for one in (yes, no)]
        return self.of(self.nodes("Where", [condition, *pair]))

    def remainder(self, word: str, count: int) -> str:
        """Returns what is left after a division, as int64."""
        return self.of(self.nodes("Mod", [word, self.word(count)]), TensorProto.INT64)

    def _folded(self, operator: str, words: Sequence[str]) -> str:
        found = words[0]
        for one in words[1:]:
            found = self.nodes(operator, [found, one])
        return found
