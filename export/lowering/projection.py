"""Images seen through a projection (`keras.ops.image.affine_transform`): four places, weighted.

TensorFlow's operator has no counterpart in ONNX: GridSample knows neither its fill nor its ways
to go on beyond an edge.

Source: tensorflow/core/kernels/image/image_ops.h.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from export.lowering.marks import Marks, Replacement


def _projected(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def projective_transform(
        images: Any,
        transforms: Any,
        output_shape: Any,
        fill_value: Any,
        interpolation: str,
        fill_mode: str = "CONSTANT",
        name: Any = None,
    ) -> Any:
        x, size = tf.convert_to_tensor(images), tf.cast(output_shape, tf.int32)
        fill = tf.cast(fill_value, tf.float32)
        rows, columns, is_seen = _sources(tf.convert_to_tensor(transforms), size)
        rows, columns = (
            _within(fill_mode, place, tf.cast(tf.shape(x)[axis], tf.float32))
            for axis, place in ((1, rows), (2, columns))
        )
        look = _Look(tf.cast(x, tf.float32), fill)
        if interpolation == "NEAREST":
            found = look(_rounded(rows), _rounded(columns))
        else:
            found = _bilinear(look, rows, columns)
        found = tf.where(is_seen[..., tf.newaxis], found, fill)
        shape = tf.concat([tf.shape(x)[:1], size, tf.shape(x)[3:]], axis=0)
        return tf.cast(tf.reshape(found, shape), x.dtype)

    return projective_transform


def _sources(transforms: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Where each place of the answer comes from: rows, columns, and whether from anywhere."""
    a0, a1, a2, b0, b1, b2, c0, c1 = (transforms[:, i, tf.newaxis] for i in range(8))
    place = tf.range(size[0] * size[1])[tf.newaxis]
    x = tf.cast(place % size[1], tf.float32)
    y = tf.cast(place // size[1], tf.float32)
    depth = c0 * x + c1 * y + 1.0
    is_seen = tf.not_equal(depth, 0.0)
    depth = tf.where(is_seen, depth, 1.0)
    return (b0 * x + b1 * y + b2) / depth, (a0 * x + a1 * y + a2) / depth, is_seen


def _within(mode: str, place: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Goes on beyond the edges as TensorFlow does."""
    if mode == "CONSTANT":
        return place
    last = length - 1.0
    if mode == "REFLECT":
        twice = 2.0 * length
        below = tf.where(place < -twice, place + twice * tf.floor(-place / twice), place)
        below = tf.where(below < -length, below + twice, -below - 1.0)
        above = place - twice * tf.floor(place / twice)
        above = tf.where(above >= length, twice - above - 1.0, above)
        place = tf.where(place < 0.0, below, tf.where(place > last, above, place))
    elif mode == "WRAP":
        period = tf.maximum(last, 1.0)
        below = place + length * (tf.floor(-place / period) + 1.0)
        above = place - length * tf.floor(place / period)
        place = tf.where(place < 0.0, below, tf.where(place > last, above, place))
    return tf.clip_by_value(place, 0.0, last)


class _Look:
    """Looks places up in images [batch, height, width, channels], the fill where there is none."""

    def __init__(self, images: tf.Tensor, fill: tf.Tensor) -> None:
        self._shape, self._fill = tf.shape(images), fill
        self._flat = tf.reshape(images, tf.stack([-1, self._shape[3]]))

    def __call__(self, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        batch, height, width = self._shape[0], self._shape[1], self._shape[2]
        row = tf.cast(tf.clip_by_value(rows, 0.0, tf.cast(height - 1, tf.float32)), tf.int32)
        column = tf.cast(tf.clip_by_value(columns, 0.0, tf.cast(width - 1, tf.float32)), tf.int32)
        image = tf.range(batch)[:, tf.newaxis]
        found = tf.gather(self._flat, (image * height + row) * width + column)
        inside = (rows >= 0.0) & (rows < tf.cast(height, tf.float32))
        inside &= (columns >= 0.0) & (columns < tf.cast(width, tf.float32))
        return tf.where(inside[..., tf.newaxis], found, self._fill)


def _rounded(place: tf.Tensor) -> tf.Tensor:
    """Half away from zero, as C++ rounds."""
    return tf.sign(place) * tf.floor(tf.abs(place) + 0.5)


def _bilinear(look: _Look, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = (rows - top)[..., tf.newaxis], (columns - left)[..., tf.newaxis]
    above = look(top, left) * (1.0 - right) + look(top, left + 1.0) * right
    below = look(top + 1.0, left) * (1.0 - right) + look(top + 1.0, left + 1.0) * right
    return above * (1.0 - down) + below * down


REPLACEMENTS = (Replacement(tf.raw_ops, "ImageProjectiveTransformV3", _projected),)
