"""Choosing: between two tensors, and where the largest and the smallest number is.

tf2onnx writes a choice as a sum of products with 0 and 1, and so makes NaN of an infinity that was
not chosen: of `where(x > 0, log(x), 0)`, say. Of the largest number, Keras also looks at the bits,
for the sake of -0.0.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import math, numpy
from onnx import TensorProto, helper

from export.lowering.marks import Context, InPlace, Marks, Node, Replacement

CHOSEN = {"float32", "float64", "int32", "int64", "uint8", "float16"}
"""Types that ONNX Runtime's Where takes; others go through int64."""


def where(context: Context, node: Node, name: str, args: object) -> None:
    """Writes SelectV2 as Where."""
    nodes = InPlace(context, node)
    condition, x, y = nodes.inputs
    if helper.tensor_dtype_to_np_dtype(nodes.dtype).name not in CHOSEN:
        x, y = (nodes("Cast", [one], to=TensorProto.INT64) for one in (x, y))
    nodes.give("Cast", [nodes("Where", [condition, x, y])], to=nodes.dtype)


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


def _signbit(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def signbit(x: Any) -> Any:
        x = tf.convert_to_tensor(x)
        if not x.dtype.is_floating:
            return original(x)
        return (x < 0) | ((x == 0) & (1 / x < 0))  # -0.0

    return signbit


def _argpartition(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """As Keras computes it: floats are cut off to integers, and the places of the smallest count
    as zeros among the rest. Of several rows it takes what one of them chose out of the others.
    """

    def argpartition(x: Any, kth: Any, axis: Any = -1) -> Any:
        x = tf.cast(x, tf.int32)
        if axis is None:
            x = tf.reshape(x, [-1])
        if x.shape.rank != 1:
            raise ValueError(
                "Keras mixes the rows up when it partitions several at once; use ops.argsort"
            )
        length = tf.shape(x)[0]
        kth = tf.clip_by_value(tf.cast(kth, tf.int32), 0, length - 1)
        smallest = tf.math.top_k(-x, kth + 1).indices
        is_among = tf.range(length)[:, tf.newaxis] == smallest
        rest = tf.where(tf.reduce_any(is_among, axis=1), 0, x)
        return tf.concat([smallest, tf.math.top_k(rest, length - kth - 1).indices], axis=0)

    return argpartition


def _in_top_k(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """Counts how many are larger than the one asked for.

    As TensorFlow has it, none is among the first where a prediction is not finite.
    """

    def in_top_k(targets: Any, predictions: Any, k: Any) -> Any:
        predictions = tf.convert_to_tensor(predictions)
        targets = tf.cast(targets, tf.int64)
        is_class = (targets >= 0) & (targets < tf.shape(predictions, tf.int64)[1])
        target = tf.where(is_class, targets, 0)[:, tf.newaxis]
        own = tf.gather(predictions, target, axis=1, batch_dims=1)
        larger = tf.reduce_sum(tf.cast(predictions > own, tf.int32), axis=1)
        is_finite = tf.reduce_all(tf.math.is_finite(predictions), axis=1)
        return is_class & is_finite & (larger < tf.cast(k, tf.int32))

    return in_top_k


REPLACEMENTS = (
    Replacement(numpy, "argmax", _of(tf.argmax)),
    Replacement(numpy, "argmin", _of(tf.argmin)),
    Replacement(numpy, "argpartition", _argpartition),
    Replacement(math, "in_top_k", _in_top_k),
    Replacement(numpy, "signbit", _signbit),
)
