"""What the two networks of a GAN want, as functions of the discriminator's logits.

A loss takes `real` and `fake`, float32 [batch], the logits of real and of made images, and returns
what the discriminator and what the generator want small, float32 [batch] each.
"""

from collections.abc import Callable

import tensorflow as tf

Losses = tuple[tf.Tensor, tf.Tensor]


def non_saturating(real: tf.Tensor, fake: tf.Tensor) -> Losses:
    """Cross-entropy; the generator wants its images called real.

    Source: Goodfellow et al. 2014, arXiv 1406.2661, section 3.
    """
    return tf.nn.softplus(-real) + tf.nn.softplus(fake), tf.nn.softplus(-fake)


def relativistic(real: tf.Tensor, fake: tf.Tensor) -> Losses:
    """Cross-entropy of which one of a pair is real, so that each image is judged beside another.

    Source: Jolicoeur-Martineau 2019, arXiv 1807.00734; Huang et al. 2024, arXiv 2501.05441 (R3GAN).
    """
    return tf.nn.softplus(fake - real), tf.nn.softplus(real - fake)


def hinge(real: tf.Tensor, fake: tf.Tensor) -> Losses:
    """The discriminator wants a margin and no more.

    Source: Lim and Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957.
    """
    return tf.nn.relu(1.0 - real) + tf.nn.relu(1.0 + fake), -fake


def class_slopes(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns the gradient of the cross-entropy of the class by each score.

    Args:
        scores: [batch, classes].
        labels: int [batch].

    Returns:
        float32 [batch, classes], of the mean over the batch.

    Source: Odena et al. 2017, arXiv 1610.09585 (AC-GAN), section 3.
    """
    right = tf.one_hot(labels, scores.shape[-1])
    batch = tf.cast(tf.shape(scores)[0], tf.float32)
    return (tf.nn.softmax(tf.cast(scores, tf.float32)) - right) / batch


LOSSES: dict[str, Callable[[tf.Tensor, tf.Tensor], Losses]] = {
    "non_saturating": non_saturating,
    "relativistic": relativistic,
    "hinge": hinge,
}
"""By the name that `--loss` takes."""
OFFSET_IS_FREE = ("relativistic",)
"""Losses that stay the same when one number is added to all logits."""
