"""Random numbers as a function of (seed, counter): equal in Keras, SavedModel and ONNX Runtime.

TensorFlow's own random operations have no equal in ONNX, and ONNX's are not repeatable. Here the
bits come from Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy
as 1, 2, 3"), in nothing but additions, products, divisions and bitwise operations of int64 that
hold unsigned 32-bit numbers, since those are computed alike everywhere. `serving/counter_random.py`
is the same in NumPy.
"""

import math

import tensorflow as tf

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
MASK = 0xFFFFFFFF
BLOCKS = 5
"""Of four rounds each, with a part of the key added after every one."""


def bits(seed: tf.Tensor, first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Encrypts a counter of two numbers under a key of 64 bits.

    Args:
        seed: int64 [], not negative.
        first, second: int64, broadcast together, 0 to 2³² - 1.

    Returns:
        Two int64 tensors of the broadcast shape, 0 to 2³² - 1 each.
    """
    low, high = tf.bitwise.bitwise_and(seed, MASK), seed // (MASK + 1)
    keys = (low, high, _xor(_xor(low, high), tf.constant(PARITY, tf.int64)))
    nothing = tf.zeros_like(first + second)
    x, y = _sum(first + nothing, keys[0]), _sum(second + nothing, keys[1])
    for block in range(BLOCKS):
        for rotation in ROTATIONS[block % 2]:
            x = _sum(x, y)
            y = _xor(_rotated(y, rotation), x)
        x = _sum(x, keys[(block + 1) % 3])
        y = _sum(y, keys[(block + 2) % 3] + block + 1)
    return x, y


def uniform(seed: tf.Tensor, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns float32 in (0, 1), odd multiples of 2⁻²⁴, one for each counter (see `bits`)."""
    return _fraction(bits(seed, first, second)[0])


def normal(seed: tf.Tensor, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns float32 of mean 0 and variance 1, one for each counter (see `bits`).

    Equal in every runtime to within the last bits of its logarithm and cosine.

    Source: Box and Muller 1958.
    """
    radius, angle = (_fraction(half) for half in bits(seed, first, second))
    return tf.sqrt(-2.0 * tf.math.log(radius)) * tf.cos(2.0 * math.pi * angle)


def _fraction(word: tf.Tensor) -> tf.Tensor:
    """The upper 23 bits and a half, which float32 holds exactly: never 0 and never 1."""
    return (tf.cast(word // 2**9, tf.float32) + 0.5) * 2.0**-23


def _rotated(word: tf.Tensor, count: int) -> tf.Tensor:
    """Bits to the left, those that fall out coming in at the right."""
    return tf.bitwise.bitwise_and(word * 2**count, MASK) + word // 2 ** (32 - count)


def _sum(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_and(one + other, MASK)


def _xor(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(one, other)
