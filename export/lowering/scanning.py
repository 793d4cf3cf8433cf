"""`keras.ops.scan` as one loop whose carry is the loop's own state, and associative ones.

Keras keeps the carry in lists of one tensor, which tf2onnx cannot take out of a loop. A scan in
reverse becomes one over the reversed sequence. An associative scan reaches twice as far back at
each step, and so needs only as many steps as its length doubles (Hillis and Steele 1986): Keras'
own halves the sequence again and again, by operators that tf2onnx does not know.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import core

from export.lowering.marks import Marks, Replacement


def _scan(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def scan(
        f: Any,
        init: Any,
        xs: Any = None,
        length: Any = None,
        reverse: bool = False,
        unroll: Any = 1,
    ) -> Any:
        if xs is None or unroll is True:
            return original(f, init, xs, length, reverse, unroll)
        given = [tf.convert_to_tensor(x) for x in keras.tree.flatten(xs)]
        steps = int(length) if length is not None else tf.shape(given[0])[0]
        if reverse:
            given = [tf.reverse(x, [0]) for x in given]
        carry = [tf.convert_to_tensor(one) for one in keras.tree.flatten(init)]
        carry, answers = _looped(f, init, xs, given, carry, steps)
        if reverse:
            answers = [tf.reverse(one, [0]) for one in answers]
        for one in answers:
            one.set_shape([given[0].shape[0], *one.shape[1:]])
        return _packed(init, carry), _packed(init, answers)

    return scan


def _looped(
    f: Any, init: Any, xs: Any, given: list[tf.Tensor], carry: list[tf.Tensor], steps: Any
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    sequences = [
        tf.TensorArray(x.dtype, size=steps, element_shape=x.shape[1:]).unstack(x) for x in given
    ]
    written = [tf.TensorArray(one.dtype, size=steps, element_shape=one.shape) for one in carry]

    def body(i: tf.Tensor, carry: list[tf.Tensor], written: list[tf.TensorArray]) -> Any:
        step = _packed(xs, [sequence.read(i) for sequence in sequences])
        after, answers = f(_packed(init, carry), step)
        if after is not None:
            carry = [tf.convert_to_tensor(one) for one in keras.tree.flatten(after)]
        if answers is not None:
            flat = keras.tree.flatten(answers)
            written = [array.write(i, one) for array, one in zip(written, flat, strict=True)]
        return i + 1, carry, written

    _, carry, written = tf.while_loop(
        lambda i, *_: i < steps, body, (tf.constant(0), carry, written)
    )
    return carry, [array.stack() for array in written]


def _associative_scan(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def associative_scan(f: Any, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
        given = [tf.convert_to_tensor(one) for one in keras.tree.flatten(elems)]
        if given[0].shape.rank is None or given[0].shape[axis] is None:
            return original(f, elems, reverse, axis)
        found = [foremost(tf.reverse(x, [axis]) if reverse else x, axis) for x in given]

        def combine(before: list[tf.Tensor], after: list[tf.Tensor]) -> list[tf.Tensor]:
            pair = (_packed(elems, [foremost(x, axis) for x in some]) for some in (before, after))
            return [foremost(tf.convert_to_tensor(x), axis) for x in keras.tree.flatten(f(*pair))]

        found = [foremost(x, axis) for x in doubled(combine, found)]
        return _packed(elems, [tf.reverse(x, [axis]) if reverse else x for x in found])

    return associative_scan


def doubled(combine: Callable[..., list[tf.Tensor]], found: list[tf.Tensor]) -> list[tf.Tensor]:
    """Combines all along the first axis, whose length is known, with all that is before it."""
    reach = 1
    while reach < found[0].shape[0]:
        combined = combine([x[:-reach] for x in found], [x[reach:] for x in found])
        pairs = zip(found, combined, strict=True)
        found = [tf.concat([x[:reach], one], axis=0) for x, one in pairs]
        reach *= 2
    return found


def foremost(x: tf.Tensor, axis: int) -> tf.Tensor:
    """Exchanges an axis and the first, which once more makes as before."""
    order = list(range(x.shape.rank))
    order[0], order[axis] = order[axis], order[0]
    return tf.transpose(x, order)


def _packed(structure: Any, flat: list[tf.Tensor]) -> Any:
    nested = keras.tree.is_nested(structure)
    return keras.tree.pack_sequence_as(structure, flat) if nested else flat[0]


REPLACEMENTS = (
    Replacement(core, "associative_scan", _associative_scan),
    Replacement(core, "scan", _scan),
)
