"""Inverses, determinants and systems of equations, by Gauss' and Jordan's elimination.

ONNX has an operator for the determinant of float32 alone. Rows are not exchanged: which one was
the pivot of which column is kept, and the answer's rows are put in order once, at the end. Small
matrices are eliminated without a loop. Of a matrix that has no inverse TensorFlow raises, and the
graph answers what is not finite.

Source: Golub and Van Loan 2013, sections 3.2 and 3.4 (partial pivoting).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from export.lowering.marks import Marks, Replacement

DTYPES = (tf.float32, tf.float64)
UNROLLED = 8
"""Columns up to which a matrix is worked on without a loop."""
State = Sequence[tf.Tensor]


class SignAndLogarithm(NamedTuple):
    """A determinant, under the names that TensorFlow has for it."""

    sign: tf.Tensor
    log_abs_determinant: tf.Tensor


def stepped(count: int, step: Callable[..., State], state: State) -> State:
    """Makes a step for each of so many columns: one after the other, or in a loop of the graph.

    Args:
        count: of columns.
        step: told the column's number and the state, returns the state after it.
        state: before the first one.
    """
    if count > UNROLLED:
        return tf.while_loop(  # type: ignore[no-any-return]
            lambda k, *_: k < count, lambda k, *now: (k + 1, *step(k, *now)), (0, *state)
        )[1:]
    for k in range(count):
        state = step(k, *state)
    return state


def is_square(a: tf.Tensor) -> bool:
    """Tells whether a tensor holds square matrices of known size that can be worked on."""
    sizes = a.shape[-2:] if a.shape.rank is not None and a.shape.rank > 1 else [None]
    return a.dtype in DTYPES and None not in sizes and sizes[0] == sizes[1]


def _inv(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def inv(input: Any, adjoint: bool = False, name: Any = None) -> Any:
        a = tf.convert_to_tensor(input)
        if not is_square(a):
            return original(input, adjoint, name)
        unit = tf.eye(a.shape[-1], dtype=a.dtype) + tf.zeros_like(a)
        return _solved(tf.linalg.matrix_transpose(a) if adjoint else a, unit)

    return inv


def _solve(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def solve(matrix: Any, rhs: Any, adjoint: bool = False, name: Any = None) -> Any:
        a, b = tf.convert_to_tensor(matrix), tf.convert_to_tensor(rhs)
        if not is_square(a) or b.shape[-1] is None:
            return original(matrix, rhs, adjoint, name)
        return _solved(tf.linalg.matrix_transpose(a) if adjoint else a, b)

    return solve


def _slogdet(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def slogdet(input: Any, name: Any = None) -> Any:
        a = tf.convert_to_tensor(input)
        if not is_square(a):
            return original(input, name)
        pivots, sign = _pivots(a)
        sign *= tf.reduce_prod(tf.sign(pivots), axis=-1)
        logarithm = tf.reduce_sum(tf.math.log(tf.abs(pivots)), axis=-1)
        return SignAndLogarithm(sign, logarithm)

    return slogdet


def _det(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def det(input: Any, name: Any = None) -> Any:
        a = tf.convert_to_tensor(input)
        if a.dtype == tf.float32 or not is_square(a):
            return original(input, name)
        pivots, sign = _pivots(a)
        return sign * tf.reduce_prod(pivots, axis=-1)

    return det


def _solved(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """X of A X = B, for A [..., n, n] and B [..., n, columns]."""
    count = a.shape[-1]

    def step(k: Any, m: tf.Tensor, is_free: tf.Tensor, order: tf.Tensor) -> State:
        m, is_free, place, _ = _eliminated(k, m, is_free, count)
        weight = tf.cast(tf.equal(tf.range(count), place), m.dtype)
        is_row = tf.equal(tf.range(count), k)[:, tf.newaxis]
        return m, is_free, tf.where(is_row, tf.expand_dims(weight, -2), order)

    m = tf.concat([a, b], axis=-1)
    m, _, order = stepped(count, step, (m, _all_free(a), tf.zeros_like(a)))
    return tf.matmul(order, m[..., count:])


def _pivots(a: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The pivots [..., n], and whether their order is even (1) or odd (-1).

    All are zero where one is: what comes after a division by it is no number.
    """
    count = a.shape[-1]

    def step(k: Any, m: tf.Tensor, is_free: tf.Tensor, pivots: tf.Tensor, sign: Any) -> State:
        m, still_free, place, pivot = _eliminated(k, m, is_free, count)
        # Each free row before the chosen one is one exchange.
        before = tf.range(count) < place
        passed = tf.reduce_sum(tf.cast(before & is_free, m.dtype), axis=-1)
        pivots = tf.where(tf.equal(tf.range(count), k), pivot, pivots)
        return m, still_free, pivots, sign * (1 - 2 * tf.math.floormod(passed, 2))

    first = _column(a, 0)
    given = (a, _all_free(a), tf.zeros_like(first), tf.ones_like(_column(first, 0)))
    _, _, pivots, sign = stepped(count, step, given)
    is_singular = tf.reduce_any(tf.equal(pivots, 0), axis=-1, keepdims=True)
    return tf.where(is_singular, tf.zeros_like(pivots), pivots), sign


def _eliminated(
    k: Any, m: tf.Tensor, is_free: tf.Tensor, count: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Makes zeros of a column but for one row; returns its place and its pivot too, [..., 1]."""
    column = _column(m, k)
    place = _largest(column, is_free)
    chosen = tf.equal(tf.range(count), place)
    weight = tf.cast(chosen, m.dtype)
    pivot = tf.reduce_sum(weight * column, axis=-1, keepdims=True)
    row = tf.matmul(tf.expand_dims(weight, -2), m) / tf.expand_dims(pivot, -1)
    rest = m - tf.expand_dims(column, -1) * row
    return (
        tf.where(tf.expand_dims(chosen, -1), row, rest),
        tf.logical_and(is_free, tf.logical_not(chosen)),
        place,
        pivot,
    )


def _largest(column: tf.Tensor, is_free: tf.Tensor) -> tf.Tensor:
    """int32 [..., 1], which of the free rows has the largest number."""
    size = tf.where(is_free, tf.abs(column), -tf.ones_like(column))
    return tf.expand_dims(tf.argmax(size, axis=-1, output_type=tf.int32), -1)


def _column(m: tf.Tensor, k: Any) -> tf.Tensor:
    return tf.gather(m, k, axis=-1)


def _all_free(a: tf.Tensor) -> tf.Tensor:
    return tf.ones_like(_column(a, 0), dtype=tf.bool)


REPLACEMENTS = (
    Replacement(tf.linalg, "det", _det),
    Replacement(tf.linalg, "inv", _inv),
    Replacement(tf.linalg, "slogdet", _slogdet),
    Replacement(tf.linalg, "solve", _solve),
)
