"""From logits to a token: temperature, top-k and top-p, by one number between 0 and 1.

Tokens lie side by side on a line, each as long as it is likely, those that top-k and top-p leave
out without any length; the number says how far along the line to go. `serving/sampling.py` is the
same in NumPy.

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
        uniform: float32 [batch], in (0, 1).
        temperature: float32 [], divides the logits; 0 takes the likeliest token.
        top_k: int32 [], how many of the likeliest are left, with those as likely as the last; 0
            for all.
        top_p: float32 [], in [0, 1]: only the likeliest that make up this share of the probability
            are left, and never fewer than one.

    Returns:
        int32 [batch].
    """
    heat = tf.where(temperature > 0, temperature, tf.ones_like(temperature))
    weights = tf.exp((logits - tf.reduce_max(logits, axis=-1, keepdims=True)) / heat)
    least = _least_that_stays(weights, top_k, top_p)
    weights = tf.where(weights >= least, weights, tf.zeros_like(weights))
    reached = tf.cumsum(weights, axis=-1)
    goal = uniform[:, tf.newaxis] * reached[:, -1:]
    passed = tf.reduce_sum(tf.cast(reached <= goal, tf.int32), axis=-1)
    return tf.where(temperature > 0, passed, tf.argmax(logits, axis=-1, output_type=tf.int32))


def _least_that_stays(weights: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor) -> tf.Tensor:
    """float32 [batch, 1]: the smallest weight that neither top-k nor top-p leaves out."""
    vocabulary = weights.shape[-1]
    ordered = tf.math.top_k(weights, vocabulary).values
    most = tf.where(top_k > 0, top_k, vocabulary)
    among_first = tf.range(vocabulary) < most
    ordered = tf.where(among_first, ordered, tf.zeros_like(ordered))
    reached = tf.cumsum(ordered, axis=-1)
    # A token stays where those before it have not made up the share yet.
    stays = among_first & ((reached - ordered < top_p * reached[:, -1:]) | (top_p >= 1))
    count = tf.maximum(tf.reduce_sum(tf.cast(stays, tf.int32), axis=-1), 1)
    return tf.gather(ordered, count - 1, batch_dims=1)[:, tf.newaxis]
