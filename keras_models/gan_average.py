"""The running mean of a generator's weights, which makes better images than the weights themselves.

Source: Yazıcı et al. 2019, arXiv 1806.04498.
"""

from typing import Any

import keras
import tensorflow as tf


def average(
    strategy: tf.distribute.Strategy,
    averaged: keras.Model,
    generator: keras.Model,
    decay: float,
    step: Any,
) -> None:
    """Moves the averaged weights towards the generator's, for all replicas at once.

    The mean reaches further back the longer training has gone on.

    Args:
        strategy: given by `merge_call`.
        averaged: holds the means; the generator itself where none are kept.
        generator: holds the weights.
        decay: per step, once training has gone on for long.
        step: how many there were.
    """
    if averaged is generator:
        return
    reach = tf.cast(step, tf.float32)
    share = 1.0 - tf.minimum(decay, (1.0 + reach) / (10.0 + reach))
    for mean, weight in zip(averaged.weights, generator.weights, strict=True):
        strategy.extended.update(
            mean.value, lambda m, w: m.assign_add((w - m) * share), args=(weight.value,)
        )
