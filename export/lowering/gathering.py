"""Picking by number: embeddings, mostly.

Keras counts a negative number from the end by four operators of its own before TensorFlow picks;
ONNX's Gather does so itself.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import numpy

from export.lowering.marks import Marks, Replacement


def _take(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def take(x: Any, indices: Any, axis: Any = None) -> Any:
        is_plain = not isinstance(indices, (tf.SparseTensor, tf.RaggedTensor))
        # What is known is picked while tf2onnx converts, by TensorFlow, which counts no other way.
        if axis is None or not is_plain or tf.get_static_value(indices) is not None:
            return original(x, indices, axis)
        return tf.gather(tf.convert_to_tensor(x), tf.convert_to_tensor(indices), axis=axis)

    return take


REPLACEMENTS = (Replacement(numpy, "take", _take),)
