"""Products over any axes (einsum): as one MatMul where that is what they are, else ONNX's Einsum.

tf2onnx writes all letters of an equation small, and so takes `H` and `h` for one axis; what it
leaves is taken apart into some twenty operators that ask for shapes at every call.

Source: ONNX operator Einsum (12).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from export.lowering.later import DOMAIN, PRODUCT
from export.lowering.marks import Marks, Nodes, Replacement

DTYPES = (tf.float16, tf.float32, tf.float64, tf.int32, tf.int64)


@dataclass(frozen=True)
class Matrices:
    """An equation of two tensors that is a product of matrices, each axis by its letter.

    Attributes:
        left, right, answer: the axes as they are given, and as they are wanted.
        batch: axes of all three.
        rows: the one axis that only the left one has; nothing for none.
        summed: the one axis that goes.
        columns: the one axis that only the right one has; nothing for none.
    """

    left: str
    right: str
    answer: str
    batch: str
    rows: str
    summed: str
    columns: str


def _einsum(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def einsum(equation: str, *inputs: Any, **options: Any) -> Any:
        like = original(equation, *inputs, **options)
        given = [tf.convert_to_tensor(one) for one in inputs]
        if like.dtype not in DTYPES or any(one.dtype != like.dtype for one in given):
            return like
        equation = equation.replace(" ", "")
        matrices = _matrices(equation)
        write = partial(_write_einsum, equation)
        if matrices is not None:
            write = partial(_write_matrices, matrices)
        return marks.put(write, given, [like])[0]

    return einsum


def _matrices(equation: str) -> Matrices | None:
    """Reads an equation; None where it is none of two matrices, or stacks of them."""
    terms, arrow, answer = equation.partition("->")
    if not arrow or "." in equation or terms.count(",") != 1:
        return None
    left, right = terms.split(",")
    if any(len(set(one)) < len(one) for one in (left, right, answer)):
        return None
    both = [axis for axis in left if axis in right]
    parts = (
        [axis for axis in answer if axis in both],
        [axis for axis in left if axis not in both],
        [axis for axis in both if axis not in answer],
        [axis for axis in right if axis not in both],
    )
    batch, rows, summed, columns = ("".join(part) for part in parts)
    if len(rows) > 1 or len(summed) != 1 or len(columns) > 1:
        return None
    if set(answer) != set(batch + rows + columns):
        return None
    return Matrices(left, right, answer, batch, rows, summed, columns)


def _write_matrices(m: Matrices, nodes: Nodes, inputs: list[str]) -> list[str]:
    rank = len(m.batch)
    x = _ordered(nodes, inputs[0], m.left, m.batch + m.rows + m.summed)
    y = _ordered(nodes, inputs[1], m.right, m.batch + m.summed + m.columns)
    x = x if m.rows else nodes.unsqueezed(x, rank)
    y = y if m.columns else nodes.unsqueezed(y, rank + 1)
    product = nodes("MatMul", [x, y])
    product = product if m.columns else nodes.squeezed(product, rank + 1)
    product = product if m.rows else nodes.squeezed(product, rank)
    return [_ordered(nodes, product, m.batch + m.rows + m.columns, m.answer)]


def _ordered(nodes: Nodes, tensor: str, axes: str, wanted: str) -> str:
    return nodes.transposed(tensor, [axes.index(axis) for axis in wanted])


def _write_einsum(equation: str, nodes: Nodes, inputs: list[str]) -> list[str]:
    return [nodes(PRODUCT, inputs, domain=DOMAIN, equation=equation)]


REPLACEMENTS = (Replacement(tf, "einsum", _einsum),)
