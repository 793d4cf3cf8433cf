"""The zero-centred penalty of the discriminator's slopes: R1 at real images, R2 at made ones.

It would double a step's cost, so most steps leave it out and some have all the more of it.

Source: Mescheder et al. 2018, arXiv 1801.04406; lazily: Karras et al. 2020, arXiv 1912.04958.
"""

from collections.abc import Callable

import tensorflow as tf


def penalty(judge: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """Returns half the squared norms of the gradients of the logits by the images, added up.

    Args:
        judge: from float32 images to a logit for each.
        images: float32 [images, height, width, channels].
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = judge(images)
    slopes = tf.cast(tape.gradient(logits, images), tf.float32)
    return 0.5 * tf.reduce_sum(tf.square(slopes))
