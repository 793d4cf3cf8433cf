"""Dropout whose random numbers cost next to nothing on a CPU.

Compiled with XLA for a CPU, TensorFlow's random numbers take a third of a microsecond each: for the
outputs of an LSTM that is longer than the LSTM takes. Here each is a hash of its place and of a
seed, five multiplications of integers, which a compiler runs eight at a time.

Source: the hash is `lowbias32` (Wellons 2018, "Prospecting for hash functions").
"""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_models")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`, drawn by hashing: the same shares are dropped, other ones of them."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drops elements while training, and makes up for them by scaling the others."""
        if not training or not self.rate:
            return inputs
        key = tf.cast(self.seed_generator.next(), tf.uint32)
        given = self.noise_shape or [None] * inputs.shape.rank
        actual = tf.shape(inputs)
        shape = [actual[axis] if n is None else n for axis, n in enumerate(given)]
        stays = _uniform(shape, key) >= self.rate
        return tf.where(stays, inputs / (1 - self.rate), tf.zeros_like(inputs))


def _uniform(shape: Any, key: tf.Tensor) -> tf.Tensor:
    """float32 in [0, 1) of a shape, from a uint32 key of two numbers."""
    places = tf.range(tf.reduce_prod(shape))
    word = tf.bitcast(places, tf.uint32) * _word(0x9E3779B9) + key[0]
    word = _mixed(_mixed(word) + key[1])
    kept = tf.cast(tf.bitwise.right_shift(word, _word(8)), tf.float32) * 2.0**-24
    return tf.reshape(kept, shape)


def _mixed(word: tf.Tensor) -> tf.Tensor:
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        word = _folded(word, shift) * _word(factor)
    return _folded(word, 16)


def _folded(word: tf.Tensor, shift: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, _word(shift)))


def _word(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint32)
