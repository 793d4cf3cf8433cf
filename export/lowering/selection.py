"""Where the largest and the smallest are: without the bits that Keras looks at for -0.0."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import numpy

from export.lowering.marks import Marks, Replacement


def _of(function: Callable[..., Any]) -> Callable[[Marks, Callable[..., Any]], Callable[..., Any]]:
    def replacement(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
        def position(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
            x = tf.convert_to_tensor(x)
            given = x if axis is not None else tf.reshape(x, [-1])
            found = function(given, axis=0 if axis is None else axis, output_type="int32")
            if not keepdims:
                return found
            if axis is None:
                return tf.reshape(found, [1] * len(x.shape))
            return tf.expand_dims(found, axis)

        return position

    return replacement


REPLACEMENTS = (
    Replacement(numpy, "argmax", _of(tf.argmax)),
    Replacement(numpy, "argmin", _of(tf.argmin)),
)
