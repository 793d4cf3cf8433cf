"""Writing a part of a tensor (`keras.ops.slice_update`): a choice at every place.

TensorFlow has an operator of XLA for it, ONNX only a scattering that takes an index for each
number.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import core

from export.lowering.marks import Marks, Replacement


def _slice_update(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
        x = tf.convert_to_tensor(inputs)
        part = tf.cast(updates, x.dtype)
        starts = [tf.cast(one, tf.int32) for one in tf.unstack(start_indices, x.shape.rank)]
        is_written = tf.constant(True)
        for axis, start in enumerate(starts):
            if x.shape[axis] is not None and x.shape[axis] == part.shape[axis]:
                continue
            length, count = tf.shape(x)[axis], tf.shape(part)[axis]
            start = tf.clip_by_value(start, 0, length - count)  # as XLA does
            place = tf.range(length) - start
            part = tf.gather(part, tf.clip_by_value(place, 0, count - 1), axis=axis)
            inside = (place >= 0) & (place < count)
            shape = [-1 if one == axis else 1 for one in range(x.shape.rank)]
            is_written = is_written & tf.reshape(inside, shape)
        return tf.ensure_shape(tf.where(is_written, part, x), x.shape)

    return slice_update


REPLACEMENTS = (Replacement(core, "slice_update", _slice_update),)
