"""`keras.ops.scan` as one loop whose carry is the loop's own state.

Keras keeps the carry in lists of one tensor, which tf2onnx cannot take out of a loop. A scan in
reverse becomes one over the reversed sequence.
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


def _packed(structure: Any, flat: list[tf.Tensor]) -> Any:
    nested = keras.tree.is_nested(structure)
    return keras.tree.pack_sequence_as(structure, flat) if nested else flat[0]


REPLACEMENTS = (Replacement(core, "scan", _scan),)
