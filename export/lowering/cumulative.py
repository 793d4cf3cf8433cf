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
from export.lowering.scanning import doubled, foremost


def _cumprod(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def cumprod(
        x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: Any = None
    ) -> Any:
        x = tf.convert_to_tensor(x)
        axis = tf.get_static_value(axis)
        if axis is None or x.shape.rank is None:
            return original(x, axis, exclusive, reverse, name)
        found = foremost(tf.reverse(x, [axis]) if reverse else x, axis)
        if exclusive:
            found = tf.concat([tf.ones_like(found[:1]), found[:-1]], axis=0)
        found = foremost(_products(found), axis)
        return tf.ensure_shape(tf.reverse(found, [axis]) if reverse else found, x.shape)

    return cumprod


def _products(x: tf.Tensor) -> tf.Tensor:
    """Along the first axis."""
    if x.shape[0] is not None:
        return doubled(lambda before, after: [before[0] * after[0]], [x])[0]
    place = tf.range(tf.shape(x)[0])
    counts = place[tf.newaxis, :] <= place[:, tf.newaxis]
    counts = tf.reshape(counts, [*tf.unstack(tf.shape(counts)), *[1] * (x.shape.rank - 1)])
    return tf.reduce_prod(tf.where(counts, x[tf.newaxis], tf.ones([], x.dtype)), axis=1)


REPLACEMENTS = (
    Replacement(tf.math, "cumprod", _cumprod),
    Replacement(tf, "cumprod", _cumprod),
)
