"""Images moved, turned, sheared and seen in perspective: each pixel is fetched from its source.

ONNX's GridSample knows neither a color outside of the image nor TensorFlow's ways to go on beyond
its edges.

Source: TensorFlow, image_ops.h: ProjectiveGenerator and MapCoordinate.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from export.lowering.marks import Marks, Replacement


def _transform(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def transform(
        *,
        images: Any,
        transforms: Any,
        output_shape: Any,
        fill_value: Any,
        interpolation: str,
        fill_mode: str = "CONSTANT",
        name: Any = None,
    ) -> tf.Tensor:
        x, y, is_somewhere = _sources(tf.convert_to_tensor(transforms), output_shape)
        images = tf.convert_to_tensor(images)
        height, width = (images.shape[i] or tf.shape(images)[i] for i in (1, 2))
        x = MODES[fill_mode](x, tf.cast(width, tf.float32))
        y = MODES[fill_mode](y, tf.cast(height, tf.float32))
        fill = tf.cast(fill_value, tf.float32)
        pixels = _Pixels(tf.cast(images, tf.float32), height, width, fill)
        found = INTERPOLATIONS[interpolation](pixels, x, y)
        return tf.cast(tf.where(tf.expand_dims(is_somewhere, -1), found, fill), images.dtype)

    return transform


def _sources(t: tf.Tensor, shape: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Where each pixel comes from [transforms, rows, columns]: x, y, and whether from anywhere.

    Args:
        t: float32 [transforms, 8], row by row of a matrix of three by three whose last number is 1.
        shape: int32 [2], rows and columns.
    """
    a, b, c, d, e, f, g, h = (t[:, i, tf.newaxis, tf.newaxis] for i in range(8))
    rows = tf.cast(tf.range(shape[0]), tf.float32)[:, tf.newaxis]
    columns = tf.cast(tf.range(shape[1]), tf.float32)
    depth = g * columns + h * rows + 1
    x = (a * columns + b * rows + c) / depth
    y = (d * columns + e * rows + f) / depth
    return x, y, tf.not_equal(depth, 0)


class _Pixels:
    """The pixels of images, and the color of what is outside of them."""

    def __init__(self, images: tf.Tensor, height: Any, width: Any, fill: tf.Tensor) -> None:
        self._flat = tf.reshape(images, [-1, height * width, images.shape[-1]])
        self._height, self._width, self._fill = height, width, fill

    def at(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """float32 [images, rows, columns, channels], at whole numbers."""
        most_x, most_y = tf.cast(self._width - 1, x.dtype), tf.cast(self._height - 1, y.dtype)
        is_inside = (x >= 0) & (x <= most_x) & (y >= 0) & (y <= most_y)
        column = tf.cast(tf.where(is_inside, x, 0), tf.int32)
        row = tf.cast(tf.where(is_inside, y, 0), tf.int32)
        place = row * self._width + column
        if place.shape[0] == 1:  # one transform for all images
            found = tf.gather(self._flat, place[0], axis=1)
        else:
            found = tf.gather(self._flat, place, axis=1, batch_dims=1)
        return tf.where(tf.expand_dims(is_inside, -1), found, self._fill)


def _nearest(pixels: _Pixels, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return pixels.at(_rounded(x), _rounded(y))


def _bilinear(pixels: _Pixels, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    left, top = tf.floor(x), tf.floor(y)
    right, bottom = left + 1, top + 1

    def between(row: tf.Tensor) -> tf.Tensor:
        before, after = pixels.at(left, row), pixels.at(right, row)
        return (right - x)[..., tf.newaxis] * before + (x - left)[..., tf.newaxis] * after

    above, below = between(top), between(bottom)
    return (bottom - y)[..., tf.newaxis] * above + (y - top)[..., tf.newaxis] * below


def _rounded(x: tf.Tensor) -> tf.Tensor:
    """To the nearest whole number, halves away from zero, as C has it."""
    return tf.sign(x) * tf.floor(tf.abs(x) + 0.5)


def _as_it_is(x: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    return x


def _clipped(x: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    return tf.minimum(tf.maximum(x, 0.0), length - 1)


def _reflected(x: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """[abcd] goes on as [dcba|abcd|dcba]."""
    around = 2 * length
    below = tf.where(x < around, around * _whole(-x / around) + x, x)
    below = tf.where(below < -length, below + around, -below - 1)
    above = x - around * _whole(x / around)
    above = tf.where(above >= length, around - above - 1, above)
    return _outside(x, length, below, above)


def _wrapped(x: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """[abcd] goes on as [abcd|abcd|abcd]."""
    apart = tf.maximum(length - 1, 1.0)
    below = x + length * (_whole(-x / apart) + 1)
    return _outside(x, length, below, x - length * _whole(x / apart))


def _outside(x: tf.Tensor, length: tf.Tensor, below: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
    return _clipped(tf.where(x < 0, below, tf.where(x > length - 1, above, x)), length)


def _whole(x: tf.Tensor) -> tf.Tensor:
    """What is before the point."""
    return tf.sign(x) * tf.floor(tf.abs(x))


MODES = {
    "CONSTANT": _as_it_is,
    "NEAREST": _clipped,
    "REFLECT": _reflected,
    "WRAP": _wrapped,
}
INTERPOLATIONS = {"NEAREST": _nearest, "BILINEAR": _bilinear}
REPLACEMENTS = (Replacement(tf.raw_ops, "ImageProjectiveTransformV3", _transform),)
