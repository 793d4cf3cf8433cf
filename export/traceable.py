"""Functions of Keras that compute on values only, written so that they can be traced as well.

Keras 3.15 asks for the rank of a tensor inside of the graph, and follows both branches of what it
then decides: `keras.ops.inner` and `keras.ops.kron` fail in `model.predict` and in every export.
A rank is known before anything runs. `keras.ops.unfold`, `gcd`, `lcm` and `unravel_index` fail
where the batch is not known.
`keras.ops.image.resize` asks whether a size is positive that is not known yet, and so does bilinear
upsampling of images of any size.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import nn, numpy
from keras.src.ops import image

from export.lowering.marks import Marks, Replacement
from export.lowering.windows import both


def _inner(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def inner(x1: Any, x2: Any) -> Any:
        a, b, dtype = _alike(x1, x2)
        wide = keras.backend.result_type(dtype, float)
        a, b = tf.cast(a, wide), tf.cast(b, wide)
        is_scaled = 0 in (a.shape.rank, b.shape.rank)
        return tf.cast(a * b if is_scaled else tf.tensordot(a, b, [[-1], [-1]]), dtype)

    return inner


def _kron(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def kron(x1: Any, x2: Any) -> Any:
        a, b, _ = _alike(x1, x2)
        rank = max(a.shape.rank, b.shape.rank)
        lengths = list(zip(_lengths(a, rank), _lengths(b, rank), strict=True))
        outer = tf.reshape(a, [n for length, _ in lengths for n in (length, 1)])
        within = tf.reshape(b, [n for _, length in lengths for n in (1, length)])
        return tf.reshape(outer * within, [m * n for m, n in lengths])

    return kron


def _unfold(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def unfold(
        input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> Any:
        size, dilation, padding, stride = map(both, (kernel_size, dilation, padding, stride))
        x = tf.pad(input, [[0, 0], [0, 0], *([one, one] for one in padding)])
        lengths = _lengths(x, 4)[2:]
        counts = [
            (length - step * (one - 1) - 1) // by + 1
            for length, one, step, by in zip(lengths, size, dilation, stride, strict=True)
        ]
        windows = [
            x[:, :, i * dilation[0] :: stride[0], j * dilation[1] :: stride[1]][
                :, :, : counts[0], : counts[1]
            ]
            for i in range(size[0])
            for j in range(size[1])
        ]
        # [batch, channels, places of the kernel, rows, columns]
        stacked = tf.stack(windows, axis=2)
        return tf.reshape(stacked, [-1, x.shape[1] * len(windows), counts[0] * counts[1]])

    return unfold


def _resize(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def resize(images: Any, size: Any, *arguments: Any, **named: Any) -> Any:
        is_known = not any(isinstance(one, tf.Tensor) for one in size)
        function = original if is_known else image._resize
        return function(images, size, *arguments, **named)

    return resize


def _gcd(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """Euclid's, of all pairs at once."""

    def gcd(x1: Any, x2: Any) -> Any:
        a, b = tf.convert_to_tensor(x1), tf.convert_to_tensor(x2)
        dtype = keras.backend.result_type(a.dtype, b.dtype)
        a, b = tf.cast(a, dtype), tf.cast(b, dtype)
        if not a.dtype.is_integer:
            return original(a, b)  # which says why not
        a, b = a + tf.zeros_like(b), b + tf.zeros_like(a)
        if not a.dtype.is_unsigned:
            a, b = tf.abs(a), tf.abs(b)

        def step(a: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            by = tf.where(_is_unit(b), tf.ones_like(b), b)
            return tf.where(b == 0, a, b), a % by

        return tf.while_loop(lambda a, b: tf.reduce_any(b != 0), step, [a, b])[0]

    return gcd


def _is_unit(divisor: tf.Tensor) -> tf.Tensor:
    """By 0 nothing is divided, and by -1 the smallest integer cannot be."""
    if divisor.dtype.is_unsigned:
        return divisor == 0
    return (divisor == 0) | (divisor == -1)


def _unravel_index(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """As Keras computes it: other than a vector's indices are divided by the first length first."""

    def unravel_index(indices: Any, shape: Any) -> Any:
        left = tf.convert_to_tensor(indices)
        if None in shape:
            return original(indices, shape)  # which says why not
        places = []
        for length in reversed(shape) if left.shape.rank == 1 else shape:
            places.append(left % length)
            left //= length
        return tuple(reversed(places))

    return unravel_index


def _alike(x1: Any, x2: Any) -> tuple[tf.Tensor, tf.Tensor, str]:
    """Both in the type that Keras finds for the two."""
    a, b = keras.ops.convert_to_tensor(x1), keras.ops.convert_to_tensor(x2)
    dtype = keras.backend.result_type(a.dtype, b.dtype)
    return tf.cast(a, dtype), tf.cast(b, dtype), dtype


def _lengths(x: tf.Tensor, rank: int) -> Sequence[Any]:
    """Its shape, with ones in front up to a rank."""
    own = [tf.shape(x)[i] if n is None else n for i, n in enumerate(x.shape)]
    return [1] * (rank - len(own)) + own


REPLACEMENTS = (
    Replacement(nn, "unfold", _unfold),
    Replacement(numpy, "gcd", _gcd),
    Replacement(numpy, "inner", _inner),
    Replacement(numpy, "kron", _kron),
    Replacement(numpy, "unravel_index", _unravel_index),
    Replacement(image, "resize", _resize),
    Replacement(keras.ops.image, "resize", _resize),
)
