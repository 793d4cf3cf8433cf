"""How far a quantized graph may be from Keras: by the root of its mean squared error."""

from collections.abc import Mapping, Sequence

import numpy as np

MORE_ERROR = 2.0
"""How many times the error that was measured a graph may have on another processor."""

Arrays = Mapping[str, np.ndarray]


def error_of(answered: Sequence[tuple[Arrays, Arrays]]) -> float:
    """Returns the root-mean-square error, as a share of the deviation of Keras' answers.

    Args:
        answered: for each case, Keras' outputs and those of another.

    Returns:
        The largest of all outputs of floats; 0 where there is none.
    """
    errors = [0.0]
    for output, first in answered[0][0].items() if answered else ():
        if first.dtype.kind != "f":
            continue
        expected = np.concatenate([np.float64(golden[output]).ravel() for golden, _ in answered])
        actual = np.concatenate([np.float64(other[output]).ravel() for _, other in answered])
        root = np.sqrt(np.mean((expected - actual) ** 2)) if expected.size else 0.0
        errors.append(float(root / (expected.std() or 1.0)))
    return max(errors)


def too_far(where: str, answered: Sequence[tuple[Arrays, Arrays]], measured: float) -> list[str]:
    """Returns a sentence if the error is far above what was measured when it was published."""
    most = MORE_ERROR * measured
    try:
        error = error_of(answered)
    except (KeyError, ValueError):  # an output is missing or has another shape, which was said
        return []
    if error <= most:
        return []
    return [f"{where}: root-mean-square error {error:.3g} of the deviation (at most {most:.3g})"]
