"""From logits to a token: temperature, top-k and top-p, by one number between 0 and 1.

The tokens are sorted by their logits, what top-k and top-p leave out is cut off at the end, and
the number says how far along the rest's probabilities to go. `serving/sampling.py` is the same in
NumPy.

Source: top-k: Fan et al. 2018, arXiv 1805.04833; top-p: Holtzman et al. 2019, arXiv 1904.09751.
"""

import tensorflow as tf


def sample(
    logits: tf.Tensor,
    uniform: tf.Tensor,
    temperature: tf.Tensor,
    top_k: tf.Tensor,
    top_p: tf.Tensor,
) -> tf.Tensor:
    """Chooses a token in each row.

    Args:
        logits: float32 [batch, vocabulary].
        uniform: float32 [batch], in [0, 1).
        temperature: float32 [], divides the logits; 0 takes the likeliest token.
        top_k: int32 [], how many of the likeliest are left; 0 for all.
        top_p: float32 [], in [0, 1]: only the likeliest that make up this share of the
            probability are left, and never fewer than one.

    Returns:
        int32 [batch].
    """
    vocabulary = logits.shape[-1]
    ordered, tokens = tf.math.top_k(logits, vocabulary)
    heat = tf.where(temperature > 0, temperature, tf.ones_like(temperature))
    weights = tf.exp((ordered - ordered[:, :1]) / heat)
    most = tf.where(top_k > 0, top_k, vocabulary)
    weights = tf.where(tf.range(vocabulary) < most, weights, tf.zeros_like(weights))
    reached = tf.cumsum(weights, axis=-1)
    # A token stays where those before it have not made up the share yet.
    stays = (reached - weights < top_p * reached[:, -1:]) | (top_p >= 1)
    stays |= tf.range(vocabulary) == 0
    weights = tf.where(stays, weights, tf.zeros_like(weights))
    reached = tf.cumsum(weights, axis=-1)
    goal = uniform[:, tf.newaxis] * reached[:, -1:]
    passed = tf.reduce_sum(tf.cast(reached <= goal, tf.int32), axis=-1)
    # Rounding may put the goal at the very end.
    left = tf.reduce_sum(tf.cast(weights > 0, tf.int32), axis=-1)
    place = tf.where(temperature > 0, tf.minimum(passed, left - 1), tf.zeros_like(passed))
    return tf.gather(tokens, place, batch_dims=1)
