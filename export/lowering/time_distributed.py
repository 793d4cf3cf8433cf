"""TimeDistributed as one call over batch and time together.

Keras writes a Python loop over a fixed time, or a vectorized map over a free one. Of that map,
Keras 3.15 itself answers [batch, batch, …] where the length was free when it was traced, and
tf2onnx takes its shapes for constants. So SavedModels are traced with this one as well.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from export.lowering.marks import Marks, Replacement


def _call(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(layer: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        inner = layer.layer
        if training or inputs.shape.rank is None or None in inputs.shape[2:]:
            return original(layer, inputs, training=training, mask=mask)
        options = {}
        if inner._call_has_mask_arg and mask is not None:
            options["mask"] = tf.reshape(mask, [-1, *mask.shape[2:]])
        if inner._call_has_training_arg:
            options["training"] = training
        steps = inputs.shape[1]
        outputs = inner.call(tf.reshape(inputs, [-1, *inputs.shape[2:]]), **options)
        rest = list(outputs.shape[1:])
        if None in rest:
            return original(layer, inputs, training=training, mask=mask)
        if steps is None:
            shape = tf.shape(inputs)
            packed = tf.reshape(outputs, tf.stack([shape[0], shape[1], *rest]))
            return tf.ensure_shape(packed, [inputs.shape[0], None, *rest])
        return tf.reshape(outputs, [-1, steps, *rest])

    return call


REPLACEMENTS = (Replacement(keras.layers.TimeDistributed, "call", _call),)
