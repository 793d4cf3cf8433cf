"""Distorts a batch of training images, as one pure function of the batch and a seed.

One projective warp does flip, shift, rotation and change of size together; a square can be
erased on top (DeVries and Taylor 2017). Nothing here has a state, so a resumed run distorts
every image as the undisturbed run would have.
"""

import math

import tensorflow as tf

from keras_models.training import Distortion


def augment(images: tf.Tensor, *, most: Distortion, seed: tf.Tensor) -> tf.Tensor:
    """Returns the batch, each image distorted in its own way.

    Args:
        images: uint8 [batch, height, width, channels].
        most: `flip`, `shift`, `rotate`, `scale` and `erase` say by how much at most.
        seed: int64 [2]; the same seed gives the same pixels.

    Returns:
        uint8 [batch, height, width, channels].
    """
    if most.shift or most.rotate or most.scale or most.flip:
        images = _warp(images, most, seed)
    if most.erase:
        images = _erase(images, most.erase, seed)
    return images


def _uniform(
    shape: list[tf.Tensor], low: float, high: float, seed: tf.Tensor, stream: int
) -> tf.Tensor:
    streamed = seed + tf.constant([0, stream], tf.int64) * 1_000_003
    return tf.random.stateless_uniform(shape, streamed, low, high)


def _warp(images: tf.Tensor, most: Distortion, seed: tf.Tensor) -> tf.Tensor:
    batch, height, width = (tf.shape(images)[axis] for axis in range(3))
    high, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    angle = _uniform([batch], -1.0, 1.0, seed, 1) * math.radians(most.rotate)
    taller = 1.0 + _uniform([batch], -most.scale, most.scale, seed, 2)
    wider = 1.0 + _uniform([batch], -most.scale, most.scale, seed, 8)
    down = _shift(batch, high, most, seed, 3)
    right = _shift(batch, wide, most, seed, 4)
    mirror = tf.where(_uniform([batch], 0.0, 1.0, seed, 5) < 0.5, -1.0, 1.0)
    mirror = mirror if most.flip else tf.ones([batch])
    # Output pixel → input pixel, about the image's centre: rows of the inverse transform.
    a, b = tf.cos(angle) * mirror / wider, -tf.sin(angle) * mirror / wider
    c, d = tf.sin(angle) / taller, tf.cos(angle) / taller
    centre_x, centre_y = (wide - 1) / 2, (high - 1) / 2
    offset_x = centre_x + right - a * centre_x - b * centre_y
    offset_y = centre_y + down - c * centre_x - d * centre_y
    zeros = tf.zeros([batch])
    transforms = tf.stack([a, b, offset_x, c, d, offset_y, zeros, zeros], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.stack([height, width]),
        fill_value=0.0,
        interpolation="BILINEAR" if most.rotate or most.scale else "NEAREST",
        fill_mode="CONSTANT" if most.rotate or most.scale else "REFLECT",
    )


def _shift(
    batch: tf.Tensor, side: tf.Tensor, most: Distortion, seed: tf.Tensor, stream: int
) -> tf.Tensor:
    """Whole pixels, each as likely: a fraction of a pixel would blur every image."""
    pixels = tf.floor(most.shift * side + 1e-3)
    return tf.round(_uniform([batch], -1.0, 1.0, seed, stream) * (pixels + 0.499))


def _erase(images: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    batch, height, width = (tf.shape(images)[axis] for axis in range(3))
    rows, columns = _outside(batch, height, share, seed, 6), _outside(batch, width, share, seed, 7)
    keep = rows[:, :, tf.newaxis] | columns[:, tf.newaxis, :]
    return images * tf.cast(keep, tf.uint8)[..., tf.newaxis]


def _outside(
    batch: tf.Tensor, length: tf.Tensor, share: float, seed: tf.Tensor, stream: int
) -> tf.Tensor:
    """Boolean [batch, length]: the positions of one axis that the square leaves alone."""
    side = tf.cast(length, tf.float32) * share
    start = _uniform([batch, 1], 0.0, 1.0, seed, stream) * (tf.cast(length, tf.float32) - side)
    position = tf.cast(tf.range(length), tf.float32)[tf.newaxis]
    return (position < start) | (position >= start + side)
