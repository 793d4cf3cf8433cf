"""Pixels: 0 to 255, as people have them, or in [-1, 1], as a generator makes them."""

import tensorflow as tf


def as_floats(images: tf.Tensor) -> tf.Tensor:
    """Pixels, 0 to 255, as the networks have them: float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def as_pixels(made: tf.Tensor) -> tf.Tensor:
    """The inverse, rounded: uint8."""
    return tf.cast(tf.clip_by_value(tf.round((made + 1.0) * 127.5), 0.0, 255.0), tf.uint8)
