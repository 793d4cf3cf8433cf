"""Requests of different lengths in one batch: the shorter ones are filled up, their answers cut.

Whether a graph lets itself be filled up is not believed but tried, when a version is loaded: a
network that reads a text from left to right gives for its beginning what it gave without the rest,
and one that masks does whatever follows. One that reads backwards, or takes a mean, does not; its
requests are only put together where their lengths are the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from serving.bundle import Tensor
from serving.characters import PADDING
from serving.golden import Case
from serving.session import Session

TRIED_ROWS = 4
LAST_BITS = 1e-5
"""Of the largest value: products of matrices of another height are summed in another order."""
MOST_STRETCH = 2
"""Requests are put together where one is at most so many times as long as the other."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Padding:
    """How the requests of one signature are filled up.

    Attributes:
        dimension: the free one, beside the batch.
        inputs: those that have it, by name: their axis, and what they are filled up with.
        outputs: those that have it, by name: their axis.
    """

    dimension: str
    inputs: Mapping[str, tuple[int, float]]
    outputs: Mapping[str, int]

    def filled(self, inputs: Arrays, length: int) -> Arrays:
        """Returns inputs of a larger length."""
        return {name: self._filled(name, array, length) for name, array in inputs.items()}

    def cut(self, outputs: Arrays, length: int) -> dict[str, np.ndarray]:
        """Returns of the outputs what belongs to the length that there was."""
        return {
            name: array.take(range(length), self.outputs[name])
            if name in self.outputs and array.shape[self.outputs[name]] != length
            else array
            for name, array in outputs.items()
        }

    def _filled(self, name: str, array: np.ndarray, length: int) -> np.ndarray:
        if name not in self.inputs:
            return array
        axis, filler = self.inputs[name]
        widths = [(0, 0)] * array.ndim
        widths[axis] = 0, length - array.shape[axis]
        return np.pad(array, widths, constant_values=filler)


def find(session: Session, cases: Sequence[Case]) -> Padding | None:
    """Returns how requests are filled up, None where that would change an answer.

    Args:
        session: of a signature whose tensors all have a batch axis.
        cases: golden inputs of it.
    """
    signature = session.signature
    free = {d for tensor in signature.inputs for d in tensor.shape[1:] if isinstance(d, str)}
    if len(free) != 1:
        return None
    (dimension,) = free
    padding = Padding(
        dimension=dimension,
        inputs={
            tensor.name: (tensor.shape.index(dimension), tensor.minimum or 0)
            for tensor in _having(signature.inputs, dimension)
        },
        outputs={
            tensor.name: tensor.shape.index(dimension)
            for tensor in _having(signature.outputs, dimension)
        },
    )
    tried = [one for case in cases for one in _short(case, padding)]
    is_unchanged = bool(tried) and all(_is_unchanged(session, padding, one) for one in tried)
    return padding if is_unchanged else None


def _having(tensors: Sequence[Tensor], dimension: str) -> list[Tensor]:
    return [tensor for tensor in tensors if dimension in tensor.shape]


def _short(case: Case, padding: Padding) -> list[Arrays]:
    """The first rows of a case of real samples of at least two steps."""
    if not case.name.startswith("real"):
        return []
    rows = {name: array[:TRIED_ROWS] for name, array in case.inputs.items()}
    is_long = all(rows[name].shape[axis] > 1 for name, (axis, _) in padding.inputs.items())
    return [rows] if is_long and all(len(array) for array in rows.values()) else []


def _is_unchanged(session: Session, padding: Padding, inputs: Arrays) -> bool:
    """Fills a case up to twice its length: with the filler, and with what might really follow."""
    name, (axis, filler) = next(iter(padding.inputs.items()))
    length = inputs[name].shape[axis]
    expected = session.run(inputs)
    longer = [padding.filled(inputs, 2 * length)]
    if filler != PADDING:
        axes = {name: axis for name, (axis, _) in padding.inputs.items()}
        mirrored = {
            name: np.concatenate([inputs[name], np.flip(inputs[name], axis)], axis)
            for name, axis in axes.items()
        }
        longer.append({**inputs, **mirrored})
    return all(
        _is_near(expected[name], array)
        for one in longer
        for name, array in padding.cut(session.run(one), length).items()
    )


def _is_near(expected: np.ndarray, actual: np.ndarray) -> bool:
    if expected.shape != actual.shape or expected.dtype.kind not in "fc":
        return np.array_equal(expected, actual)
    largest = float(np.abs(expected).max(initial=0.0))
    return bool(np.allclose(expected, actual, rtol=0, atol=LAST_BITS * largest))
