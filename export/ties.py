"""Which integers a model chose by the last bits of its arithmetic, so that either choice is right.

`argmax` of a sigmoid that is 1 in two places takes the first; another runtime, whose sigmoid is
0.99999994 in one of them, the other. A model of unknown making is run once more, and wherever it
chooses a place by size, the numbers that it chose between are looked at.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow import math, numpy

from export.lowering.marks import Marks, Replacement
from serving.differences import LAST_BITS

Arrays = Mapping[str, np.ndarray]
Choice = tuple[np.ndarray, np.ndarray]
"""What was chosen, and whether it is a tie; both of one shape."""


def ties_of(
    call: Callable[..., Mapping[str, Any]],
    inputs: Arrays,
    outputs: Arrays,
    *,
    share: float = LAST_BITS,
) -> Arrays:
    """Returns, for every output of integers, which of them were chosen by the last bits.

    Args:
        call: a signature's function.
        inputs: by name.
        outputs: what it gives for them.
        share: of the largest number, within which two are a tie.
    """
    whole = {name: value for name, value in outputs.items() if value.dtype.kind in "iu"}
    if not whole:
        return {}
    choices: list[Choice] = []
    with Marks().replaced(_recording(choices, share)):
        call(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: _among(choices, value) for name, value in whole.items()}


def _among(choices: list[Choice], value: np.ndarray) -> np.ndarray:
    """The ties of the choices that an output is made of."""
    found = np.zeros(value.shape, bool)
    for chosen, is_tie in choices:
        if chosen.shape == value.shape and np.all((chosen == value) | is_tie):
            found |= is_tie
    return found


def _recording(choices: list[Choice], share: float) -> tuple[Replacement, ...]:
    def best(sign: int) -> Callable[..., Any]:
        def make(_: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
            def position(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
                chosen = original(x, axis=axis, keepdims=keepdims)
                if _is_looked_at(x):
                    is_tie = _tied(sign * np.asarray(x, np.float64), axis, share)
                    choices.append((np.asarray(chosen), is_tie.reshape(chosen.shape)))
                return chosen

            return position

        return make

    def top(_: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
        def top_k(x: Any, k: int, sorted: bool = True) -> Any:
            values, places = original(x, k, sorted=sorted)
            if _is_looked_at(x):
                ordered = -np.sort(-np.float64(np.asarray(x)), axis=-1)
                close = -np.diff(ordered, axis=-1) <= _margin(ordered, share)
                edge = np.zeros((*close.shape[:-1], 1), bool)
                is_tie = np.concatenate([edge, close], -1) | np.concatenate([close, edge], -1)
                choices.append((np.asarray(places), is_tie[..., :k]))
            return values, places

        return top_k

    return (
        Replacement(numpy, "argmax", best(1)),
        Replacement(numpy, "argmin", best(-1)),
        Replacement(math, "top_k", top),
    )


def _is_looked_at(x: Any) -> bool:
    """Inside a loop of TensorFlow's there are no numbers to look at."""
    return tf.executing_eagerly() and not (tf.is_tensor(x) and not hasattr(x, "numpy"))


def _tied(value: np.ndarray, axis: int | None, share: float) -> np.ndarray:
    """Where the two largest along an axis are the same but for their last bits."""
    value, along = (value.reshape(-1), 0) if axis is None else (value, axis)
    if value.shape[along] < 2:
        return np.zeros(np.delete(value.shape, along), bool)
    first, second = (np.take(-np.sort(-value, axis=along), i, axis=along) for i in (0, 1))
    tied: np.ndarray = first - second <= _margin(value, share)
    return tied


def _margin(value: np.ndarray, share: float) -> float:
    """Within which two of these numbers cannot be told apart after a few roundings."""
    finite = value[np.isfinite(value)]
    return share * float(np.abs(finite).max(initial=0.0))
