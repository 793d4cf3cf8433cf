"""The zero-centred penalty of the discriminator's slopes: R1 at real images, R2 at made ones.

It would double a step's cost, so most steps leave it out and some have all the more of it.

Source: Mescheder et al. 2018, arXiv 1801.04406; lazily: Karras et al. 2020, arXiv 1912.04958.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf


def penalty_gradients(
    judged: Sequence[tuple[tf.Tensor, tf.Tensor]],
    weights: Sequence[tf.Tensor],
    inner: tf.GradientTape,
    outer: tf.GradientTape,
    scaled: Callable[[tf.Tensor], tf.Tensor],
    *,
    has_it: tf.Tensor,
) -> list[tf.Tensor]:
    """Returns the gradients of the penalty by the discriminator's weights, or zeros.

    Args:
        judged: logits [images] with the images [images, height, width, channels] that they are of.
        weights: of the discriminator.
        inner, outer: persistent tapes; both saw how the logits came about, so that it need not be
            computed again.
        scaled: what to multiply the penalty with.
        has_it: bool; whether this step has the penalty.
    """

    def penalized() -> list[tf.Tensor]:
        with outer:
            loss = scaled(sum(_penalty(inner.gradient(*pair)) for pair in judged))
        return list(outer.gradient(loss, weights, unconnected_gradients="zero"))

    found: list[tf.Tensor] = tf.cond(
        has_it, penalized, lambda: [tf.zeros_like(weight) for weight in weights]
    )
    return found


def _penalty(slopes: tf.Tensor) -> tf.Tensor:
    """Half the squared norms of the gradients of the logits by the images, on average."""
    squares = tf.square(tf.cast(slopes, tf.float32))
    return 0.5 * tf.reduce_mean(tf.reduce_sum(squares, axis=[1, 2, 3]))
