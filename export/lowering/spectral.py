"""Fourier transforms as products with their basis.

Keras gives and takes the real and the imaginary part as two tensors. A transform of n numbers is a
product with a matrix of cosines and one of sines; a short-time one is a convolution with the
window times both. TensorFlow's complex numbers have no place in ONNX Runtime.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow import math, nn

from export.lowering.marks import Marks, Replacement

LONGEST = 4096
"""Numbers in a transform: the matrix of a longer one is larger than most models."""
Pair = tuple[tf.Tensor, tf.Tensor]


def _rfft(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def rfft(x: Any, fft_length: Any = None) -> Any:
        x = tf.convert_to_tensor(x)
        length = int(fft_length) if fft_length else x.shape[-1]
        if not _is_short(length) or x.shape[-1] is None:
            return original(x, fft_length)
        x = _cut(x, length)
        cosines, sines = _basis(length, length // 2 + 1, x.dtype)
        return _product(x, cosines), -_product(x, sines)

    return rfft


def _irfft(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def irfft(x: Any, fft_length: Any = None) -> Any:
        real, imaginary = (tf.convert_to_tensor(part) for part in x)
        count = real.shape[-1]
        length = int(fft_length) if fft_length else count and 2 * (count - 1)
        if not _is_short(length) or count is None:
            return original(x, fft_length)
        kept = length // 2 + 1
        cosines, sines = (tf.constant(one, real.dtype) for one in _inverse_basis(length))
        real, imaginary = _cut(real, kept), _cut(imaginary, kept)
        return _product(real, cosines) - _product(imaginary, sines)

    return irfft


def _fft(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def fft(x: Any) -> Any:
        parts = tuple(tf.convert_to_tensor(part) for part in x)
        if not _is_short(parts[0].shape[-1]):
            return original(x)
        return _transformed(parts)

    return fft


def _fft2(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def fft2(x: Any) -> Any:
        parts = tuple(tf.convert_to_tensor(part) for part in x)
        if not all(map(_is_short, parts[0].shape[-2:])):
            return original(x)
        rows = tuple(map(_swapped, _transformed(parts)))
        real, imaginary = _transformed(rows)
        return _swapped(real), _swapped(imaginary)

    return fft2


def _stft(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def stft(
        x: Any,
        sequence_length: int,
        sequence_stride: int,
        fft_length: int,
        window: Any = "hann",
        center: bool = True,
    ) -> Any:
        given = (sequence_length, sequence_stride, fft_length, window, center)
        x = tf.convert_to_tensor(x)
        if not _is_short(fft_length) or x.dtype != tf.float32 or None in x.shape[1:-1]:
            return original(x, *given)
        weights = _window(window, sequence_length, fft_length)
        if center:
            around = [[0, 0]] * (len(x.shape) - 1) + [[fft_length // 2] * 2]
            x = tf.pad(x, around, mode="reflect")
        count = fft_length // 2 + 1
        angles = _angles(fft_length, count)
        kernel = np.concatenate([np.cos(angles), -np.sin(angles)], axis=1) * weights[:, np.newaxis]
        flat = tf.reshape(x, [-1, x.shape[-1] or tf.shape(x)[-1], 1])
        made = nn.conv(flat, tf.constant(kernel[:, np.newaxis], tf.float32), sequence_stride)
        if len(x.shape) != 2:
            frames = made.shape[1] or tf.shape(made)[1]
            first = [-1, *x.shape[1:-1]] if len(x.shape) > 1 else []
            made = tf.reshape(made, [*first, frames, 2 * count])
        return made[..., :count], made[..., count:]

    return stft


def _istft(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """One transposed convolution: each frame is its basis times the window, added where it was."""

    def istft(
        x: Any,
        sequence_length: int,
        sequence_stride: int,
        fft_length: int,
        length: Any = None,
        window: Any = "hann",
        center: bool = True,
    ) -> Any:
        given = (sequence_length, sequence_stride, fft_length, length, window, center)
        real, imaginary = (tf.convert_to_tensor(part) for part in x)
        count = fft_length // 2 + 1
        is_known = None not in real.shape[:-2][1:] and real.shape[-1] == count
        if not is_known or not _is_short(fft_length) or real.dtype != tf.float32:
            return original(x, *given)
        if sequence_stride > fft_length:  # between frames there is nothing
            return original(x, *given)
        cosines, sines = _inverse_basis(fft_length)
        weights = _inverse_window(window, sequence_length, sequence_stride, fft_length)
        kernel = np.concatenate([cosines, -sines]).T[:, np.newaxis] * weights[:, None, None]
        both = tf.concat([real, imaginary], axis=-1)
        frames = both.shape[-2] or tf.shape(both)[-2]
        flat = tf.reshape(both, [-1, frames, 2 * count])
        made = nn.conv_transpose(flat, tf.constant(kernel, tf.float32), sequence_stride)
        samples = fft_length + sequence_stride * (frames - 1)
        made = tf.reshape(made, [*_first(both), samples])
        start = fft_length // 2 if center else 0
        end = start + length if length is not None else samples - start
        return made[..., start:end]

    return istft


def _first(x: tf.Tensor) -> list[Any]:
    """The shape of all but the last two axes."""
    known = list(x.shape[:-2])
    return [-1, *known[1:]] if known else []


def _inverse_basis(length: int) -> tuple[np.ndarray, np.ndarray]:
    """float64 [count, length], what a real transform of so many numbers is put together from."""
    kept = length // 2 + 1
    # What lies between the first and the last of an even length stands for its mirror too.
    twice = np.full(kept, 2.0)
    twice[0] = 1.0
    if length % 2 == 0:
        twice[-1] = 1.0
    angles = _angles(length, kept).T
    weight = (twice / length)[:, np.newaxis]
    return np.cos(angles) * weight, np.sin(angles) * weight


def _inverse_window(window: Any, length: int, stride: int, fft_length: int) -> np.ndarray:
    """float64 [fft_length], the window divided by the sum of the squares that overlap."""
    if window is None:
        return np.ones(fft_length)
    forward = _window(window, length, fft_length)
    parts = np.pad(forward**2, [0, -fft_length % stride]).reshape(-1, stride)
    overlapping = np.tile(parts.sum(axis=0), len(parts))[:fft_length]
    overlapping[overlapping == 0] = np.inf
    inverse: np.ndarray = forward / overlapping
    return inverse


def _window(window: Any, length: int, fft_length: int) -> np.ndarray:
    """float64 [fft_length], the window in the middle of zeros."""
    before = (fft_length - length) // 2
    if window is None:
        return np.ones(fft_length)
    if isinstance(window, str):
        share = {"hann": 0.5, "hamming": 0.54}[window]
        window = share - (1 - share) * np.cos(2 * np.pi * np.arange(length) / length)
    return np.pad(np.asarray(window, np.float64), [before, fft_length - length - before])


def _is_short(length: Any) -> bool:
    return length is not None and 0 < int(length) <= LONGEST


def _basis(length: int, count: int, dtype: tf.DType) -> Pair:
    """Cosines and sines, [length, count]."""
    angles = _angles(length, count)
    return tf.constant(np.cos(angles), dtype), tf.constant(np.sin(angles), dtype)


def _angles(length: int, count: int) -> np.ndarray:
    """float64 [length, count], within one turn."""
    turns: np.ndarray = np.outer(np.arange(length), np.arange(count)) % length / length
    return 2 * np.pi * turns


def _transformed(parts: tuple[tf.Tensor, ...]) -> Pair:
    real, imaginary = parts
    cosines, sines = _basis(real.shape[-1], real.shape[-1], real.dtype)
    return (
        _product(real, cosines) + _product(imaginary, sines),
        _product(imaginary, cosines) - _product(real, sines),
    )


def _cut(x: tf.Tensor, length: int) -> tf.Tensor:
    """The first `length` numbers of the last axis, zeros after them."""
    missing = length - x.shape[-1]
    if missing <= 0:
        return x[..., :length]
    return tf.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[0, missing]])


def _product(x: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    return tf.tensordot(x, matrix, 1) if len(x.shape) < 2 else tf.matmul(x, matrix)


def _swapped(x: tf.Tensor) -> tf.Tensor:
    rank = len(x.shape)
    return tf.transpose(x, [*range(rank - 2), rank - 1, rank - 2])


REPLACEMENTS = (
    Replacement(math, "rfft", _rfft),
    Replacement(math, "irfft", _irfft),
    Replacement(math, "fft", _fft),
    Replacement(math, "fft2", _fft2),
    Replacement(math, "istft", _istft),
    Replacement(math, "stft", _stft),
)
