"""Distorts what the discriminator sees, real and made images alike, by differentiable operations.

With little data a discriminator learns the images by heart; distorted, it cannot, and since made
images are distorted in the same ways, the generator learns nothing of the distortions.

Source: Zhao et al. 2020, arXiv 2006.10738 (DiffAugment).
"""

from collections.abc import Callable, Sequence
from typing import Literal

import tensorflow as tf

Augmentation = Literal["color", "translation", "cutout"]


def augment(images: tf.Tensor, names: Sequence[str], seed: tf.Tensor) -> tf.Tensor:
    """Returns the images, each distorted in its own way.

    Args:
        images: float32 [batch, height, width, channels] in [-1, 1].
        names: of `AUGMENTATIONS`, done in this order.
        seed: int64 [2]; the same seed distorts alike.
    """
    for number, name in enumerate(names, start=1):
        images = AUGMENTATIONS[name](images, seed + tf.constant([number * 1_000_003, 0], tf.int64))
    return images


def color(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Changes brightness, saturation and contrast."""
    brightness, saturation, contrast = (
        tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed + stream)
        for stream in range(3)
    )
    images += brightness - 0.5
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = grey + (images - grey) * (2.0 * saturation)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + (images - mean) * (contrast + 0.5)


def translation(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Moves by up to an eighth of the side; what comes in is black."""
    return _moved(_moved(images, seed, axis=1), seed + 1, axis=2)


def _moved(images: tf.Tensor, seed: tf.Tensor, axis: int) -> tf.Tensor:
    count, length = tf.shape(images)[0], images.shape[axis]
    most = (length + 4) // 8
    shift = tf.random.stateless_uniform([count, 1], seed, -most, most + 1, tf.int32)
    source = tf.range(length)[tf.newaxis] + shift
    # -1, black, stands at both ends, and everything from outside is taken from there.
    padding = [[0, 0], [0, 0], [0, 0], [0, 0]]
    padding[axis] = [1, 1]
    padded = tf.pad(images, padding, constant_values=-1.0)
    return tf.gather(padded, tf.clip_by_value(source + 1, 0, length + 1), axis=axis, batch_dims=1)


def cutout(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Blanks out a square of half the side, which may reach over the edge."""
    outside = [_outside(images, seed + axis, axis) for axis in (1, 2)]
    return images * tf.cast(outside[0] | outside[1], images.dtype)


def _outside(images: tf.Tensor, seed: tf.Tensor, axis: int) -> tf.Tensor:
    """Boolean, true at the positions of an axis that the square does not cover."""
    count, length = tf.shape(images)[0], images.shape[axis]
    side = (length + 1) // 2
    middle = tf.random.stateless_uniform([count, 1], seed, 0, length + 1 - side % 2, tf.int32)
    distance = tf.range(length)[tf.newaxis] - (middle - side // 2)
    outside = (distance < 0) | (distance >= side)
    return tf.reshape(outside, [count, *(length if a == axis else 1 for a in (1, 2, 3))])


AUGMENTATIONS: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}
"""By the name that `--augmentations` takes."""
