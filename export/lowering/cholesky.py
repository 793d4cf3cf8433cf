"""Cholesky's decomposition, the determinant by it, and triangular systems: column after column.

Where a matrix has no decomposition Keras raises, and the graph answers NaN.

Source: Golub and Van Loan 2013, sections 4.2 (outer products) and 3.1 (substitution by columns).
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import math

from export.lowering.elimination import State, is_square, stepped
from export.lowering.marks import Marks, Replacement


def _cholesky(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def cholesky(input: Any, name: Any = None) -> Any:
        a = tf.convert_to_tensor(input)
        return _decomposed(a) if is_square(a) else original(input, name)

    return cholesky


def _logdet(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def logdet(matrix: Any, name: Any = None) -> Any:
        a = tf.convert_to_tensor(matrix)
        if not is_square(a):
            return original(matrix)
        diagonal = tf.linalg.diag_part(_decomposed(a))
        return 2 * tf.reduce_sum(tf.math.log(diagonal), axis=-1)

    return logdet


def _triangular_solve(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def triangular_solve(
        matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: Any = None
    ) -> Any:
        a, b = tf.convert_to_tensor(matrix), tf.convert_to_tensor(rhs)
        if not is_square(a) or b.shape[-1] is None:
            return original(matrix, rhs, lower, adjoint, name)
        if b.shape.rank < a.shape.rank:  # one right-hand side for all
            b = tf.broadcast_to(b, tf.concat([tf.shape(a)[:-1], tf.shape(b)[-1:]], 0))
        if adjoint:
            a, lower = tf.linalg.matrix_transpose(a), not lower
        return _substituted(a, b, is_lower=lower)

    return triangular_solve


def _decomposed(a: tf.Tensor) -> tf.Tensor:
    """L [..., n, n] of A = L L', from the lower half of A."""
    count = a.shape[-1]
    rows = tf.range(count)

    def step(k: Any, rest: tf.Tensor, found: tf.Tensor) -> State:
        column = tf.gather(rest, k, axis=-1)
        root = tf.sqrt(tf.gather(column, [k], axis=-1))
        column = tf.where(rows >= k, column / root, tf.zeros_like(column))
        rest -= tf.expand_dims(column, -1) * tf.expand_dims(column, -2)
        return rest, tf.where(tf.equal(rows, k), tf.expand_dims(column, -1), found)

    return stepped(count, step, (a, tf.zeros_like(a)))[1]


def _substituted(a: tf.Tensor, b: tf.Tensor, *, is_lower: bool) -> tf.Tensor:
    """X of A X = B, A [..., n, n] of which one half is read, and B [..., n, columns]."""
    count = a.shape[-1]
    rows = tf.range(count)

    def step(k: Any, rest: tf.Tensor) -> State:
        k = k if is_lower else count - 1 - k
        column = tf.expand_dims(tf.gather(a, k, axis=-1), -1)
        found = tf.gather(rest, [k], axis=-2) / tf.gather(column, [k], axis=-2)
        is_left = ((rows > k) if is_lower else (rows < k))[:, tf.newaxis]
        rest = tf.where(is_left, rest - column * found, rest)
        return (tf.where(tf.equal(rows, k)[:, tf.newaxis], found, rest),)

    return stepped(count, step, (b,))[0]


REPLACEMENTS = (
    Replacement(math, "logdet", _logdet),
    Replacement(tf.linalg, "cholesky", _cholesky),
    Replacement(tf.linalg, "logdet", _logdet),
    Replacement(tf.linalg, "triangular_solve", _triangular_solve),
)
