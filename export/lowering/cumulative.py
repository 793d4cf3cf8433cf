"""Products up to each place (`cumprod`): ONNX has sums of that kind only.

Every place is multiplied by the one before it, then by the one two before, four before, and so on:
as many times as the length can be halved. Where it is not known, all places that count are
multiplied for each.

Source: Hillis and Steele 1986, Data Parallel Algorithms.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from export.lowering.marks import Marks, Replacement


def _cumprod(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def cumprod(
        x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: Any = None
    ) -> Any:
        x = tf.convert_to_tensor(x)
        axis = tf.get_static_value(axis)
        if axis is None or x.shape.rank is None:
            return original(x, axis, exclusive, reverse, name)
        axis = int(axis) % x.shape.rank
        order = [one for one in range(x.shape.rank) if one != axis] + [axis]
        found = tf.transpose(x, order)
        found = tf.reverse(found, [-1]) if reverse else found
        found = _shifted(found, 1) if exclusive else found
        found = _products(found)
        found = tf.reverse(found, [-1]) if reverse else found
        back = [order.index(one) for one in range(x.shape.rank)]
        return tf.ensure_shape(tf.transpose(found, back), x.shape)

    return cumprod


def _shifted(x: tf.Tensor, by: int) -> tf.Tensor:
    """Moves the last axis on, with ones before it."""
    return tf.concat([tf.ones_like(x[..., :by]), x[..., :-by]], axis=-1)


def _products(x: tf.Tensor) -> tf.Tensor:
    length = x.shape[-1]
    if length is None:
        place = tf.range(tf.shape(x)[-1])
        counts = place[tf.newaxis, :] <= place[:, tf.newaxis]
        one = tf.ones([], x.dtype)
        return tf.reduce_prod(tf.where(counts, x[..., tf.newaxis, :], one), axis=-1)
    by = 1
    while by < length:
        x, by = x * _shifted(x, by), 2 * by
    return x


REPLACEMENTS = (
    Replacement(tf.math, "cumprod", _cumprod),
    Replacement(tf, "cumprod", _cumprod),
)
