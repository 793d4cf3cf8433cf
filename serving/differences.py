"""How far numbers are from those of Keras, and which decisions differ.

A decision is what a program acts on: the class with the largest number, an integer, a truth, a
string. Numbers may differ by rounding; decisions may not, but where Keras itself holds two to be
equal to the last bits.
"""

import numpy as np

RELATIVE_TOLERANCE = 1e-4
"""Largest error that is let pass, as a share of the spread. Float32 sums in another order differ
by about 1e-6 of it; a wrong operator by far more than this."""
LAST_BITS = 4 * 2.0**-23
"""Share of the spread that float32 cannot tell apart after a few roundings: two classes that Keras
itself holds no further apart are a tie, and either may come first."""


def last_bits(tolerance: float) -> float:
    """Returns within which share of the spread two numbers are a tie, by how precise they are."""
    if tolerance <= RELATIVE_TOLERANCE or np.isinf(tolerance):
        return LAST_BITS
    return tolerance / 10


def compare(
    expected: np.ndarray, actual: np.ndarray, is_tie: np.ndarray, margin: float
) -> tuple[float, int, int, int]:
    """Returns the largest error, the decisions there were, how many agree, and how many are ties.

    A decision is the largest of a row of numbers, or each single integer, truth or string. A tie is
    one that differs where it may: where `is_tie`, or where the two largest numbers are no further
    apart than `margin` for Keras itself.
    """
    if expected.dtype.kind not in "fc":
        equal = expected == actual
        ties = ~equal & is_tie
        wrong = equal.size - int(np.sum(equal)) - int(np.sum(ties))
        return float(wrong > 0), equal.size, int(np.sum(equal)), int(np.sum(ties))
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], actual[~finite], equal_nan=True):
        return np.inf, 1, 0, 0
    if not np.all(np.isfinite(actual[finite])):
        return np.inf, 1, 0, 0
    error = np.abs(np.float64(expected[finite]) - np.float64(actual[finite]))
    largest = float(error.max(initial=0.0))
    if expected.ndim < 2 or expected.shape[-1] < 2 or not expected.size:
        return largest, 0, 0, 0
    other = actual.argmax(axis=-1)
    chosen = np.take_along_axis(expected, other[..., np.newaxis], axis=-1)[..., 0]
    best = expected.max(axis=-1)
    agrees = (expected.argmax(axis=-1) == other) | (best == chosen)
    ties = ~agrees & (best - chosen <= margin)
    return largest, other.size, int(np.sum(agrees)), int(np.sum(ties))
