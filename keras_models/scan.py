"""A cell over time: the loop forward, the loop backward, and one product for the weights.

Keras and TensorFlow add up the gradient of the recurrent weights step by step, reading and writing
the whole matrix each time; here every step's derivative is kept and multiplied once (cuDNN's way).

In 16 bits, what a step adds and multiplies element by element is computed, and carried from step to
step, in float32; only what is multiplied by a matrix or kept for the way back is rounded.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_models.recurrent_cells import Cell, Tensors

Arrays = tuple[tf.TensorArray, ...]
F = Callable[..., Any]


def scan(
    cell: Cell, x: tf.Tensor, mask: tf.Tensor | None, initial: Tensors, weights: Tensors
) -> tuple[tf.Tensor, Tensors]:
    """Runs a cell over all time steps.

    Args:
        cell: the equations.
        x: [time, batch, gates * units], inputs multiplied by their weights.
        mask: bool [time, batch], False where a step changes no state; or None.
        initial: the states before the first step, each [batch, units].
        weights: recurrent ones, as the cell wants them; the first is multiplied by the output.

    Returns:
        The output after every step [time, batch, units], and the states after the last one.
    """
    count = len(initial)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def differentiable(x: tf.Tensor, *tensors: tf.Tensor) -> tuple[Tensors, object]:
        initial, weights = tensors[:count], tensors[count:]
        outputs, last, saved = _forward(cell, x, mask, initial, weights)

        def gradient(d_outputs: tf.Tensor, *d_last: tf.Tensor) -> list[tf.Tensor]:
            transposed = tuple(tf.transpose(w) if w.shape.rank == 2 else w for w in weights)
            d_x, d_initial = _backward(cell, saved, mask, d_outputs, d_last, transposed)
            before = tf.concat([initial[0][tf.newaxis], outputs[:-1]], axis=0)
            kept = tuple(array.stack() for array in saved)
            return [d_x, *d_initial, *cell.weight_gradients(kept, before, d_x)]

        return (outputs, *last), gradient

    outputs, *last = differentiable(x, *initial, *weights)
    return outputs, tuple(last)


def _forward(
    cell: Cell, x: tf.Tensor, mask: tf.Tensor | None, initial: Tensors, weights: Tensors
) -> tuple[tf.Tensor, Tensors, Arrays]:
    steps, narrow = _steps(x), x.dtype
    inputs, masks = _read(x), None if mask is None else _read(mask)
    matrix, others = weights[0], tuple(weights[1:])

    def one(
        x: tf.Tensor, product: tf.Tensor, states: Tensors, others: Tensors, passing: Any
    ) -> tuple[Tensors, Tensors]:
        before, others = (tuple(_wide(one) for one in values) for values in (states, others))
        after, kept = cell.step(_wide(x), _wide(product), before, (matrix, *others))
        after = after if passing is None else _chosen(passing, after, before)
        return _rounded(after, narrow), tuple(tf.cast(value, narrow) for value in kept)

    one = _compiled(one, narrow)
    states = _rounded(tuple(_wide(state) for state in initial), narrow)
    _, examples = one(x[0], x[0], states, others, None)

    def body(t: tf.Tensor, states: Tensors, written: tf.TensorArray, saved: Arrays) -> Any:
        product = states[0] @ matrix
        passing = None if masks is None else masks.read(t)
        after, kept = one(inputs.read(t), product, states, others, passing)
        return t + 1, after, written.write(t, after[0]), _write(saved, t, kept)

    _, last, written, saved = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (tf.constant(0), states, *_arrays(steps, initial[:1]), _arrays(steps, examples)),
        maximum_iterations=steps,
    )
    return written.stack(), tuple(tf.cast(state, narrow) for state in last), saved


def _backward(
    cell: Cell,
    saved: Arrays,
    mask: tf.Tensor | None,
    d_outputs: tf.Tensor,
    d_last: Tensors,
    transposed: Tensors,
) -> tuple[tf.Tensor, Tensors]:
    steps, narrow = _steps(d_outputs), d_outputs.dtype
    masks, d_read = None if mask is None else _read(mask), _read(d_outputs)
    matrix, others = transposed[0], tuple(transposed[1:])

    def one(
        kept: Tensors,
        d_output: tf.Tensor,
        through: tf.Tensor,
        beside: Tensors,
        others: Tensors,
        passing: Any,
    ) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        d_after = (_wide(d_output) + _wide(through) + beside[0], *beside[1:])
        kept, others = (tuple(_wide(value) for value in values) for values in (kept, others))
        zeros = tuple(tf.zeros_like(d) for d in d_after)
        d_used = d_after if passing is None else _chosen(passing, d_after, zeros)
        d_x, d_product, d_before = cell.step_gradient(kept, d_used, (matrix, *others))
        if passing is not None:
            d_before = _chosen(passing, d_before, d_after)
        return tf.cast(d_x, narrow), tf.cast(d_product, narrow), d_before

    one = _compiled(one, narrow)
    beside = tuple(_wide(d) for d in d_last)
    zeros = tf.zeros_like(d_last[0])
    kept = tuple(array.read(0) for array in saved)
    example, _, _ = one(kept, zeros, zeros, beside, others, None)

    def body(t: tf.Tensor, through: tf.Tensor, beside: Tensors, written: tf.TensorArray) -> Any:
        kept = tuple(array.read(t) for array in saved)
        passing = None if masks is None else masks.read(t)
        d_x, d_product, beside = one(kept, d_read.read(t), through, beside, others, passing)
        return t - 1, d_product @ matrix, beside, written.write(t, d_x)

    _, through, beside, written = tf.while_loop(
        lambda t, *_: t >= 0,
        body,
        (steps - 1, zeros, beside, *_arrays(steps, (example,))),
        maximum_iterations=steps,
    )
    d_initial = (_wide(through) + beside[0], *beside[1:])
    return written.stack(), tuple(tf.cast(d, narrow) for d in d_initial)


def _compiled(step: F, dtype: tf.DType) -> F:
    """A step's element-by-element part as one compiled kernel, in 16 bits.

    There the products are better left to TensorFlow, which uses the processor's instructions for
    bfloat16; XLA multiplies in float32. In float32 the whole loop is compiled, by `jit_compile`.
    """
    return tf.function(step, jit_compile=True) if dtype.size == 2 else step  # type: ignore[no-any-return]


def _wide(value: tf.Tensor) -> tf.Tensor:
    return tf.cast(value, tf.float32) if value.dtype.size == 2 else value


def _rounded(states: Tensors, narrow: tf.DType) -> Tensors:
    """Of the states, only the output is multiplied by a matrix."""
    return (tf.cast(states[0], narrow), *states[1:])


def _steps(sequence: tf.Tensor) -> tf.Tensor:
    return tf.constant(sequence.shape[0]) if sequence.shape[0] else tf.shape(sequence)[0]


def _read(sequence: tf.Tensor) -> tf.TensorArray:
    array = tf.TensorArray(
        sequence.dtype,
        size=_steps(sequence),
        element_shape=sequence.shape[1:],
        clear_after_read=False,
    )
    return array.unstack(sequence)


def _arrays(steps: tf.Tensor, examples: Tensors) -> Arrays:
    return tuple(
        tf.TensorArray(e.dtype, size=steps, element_shape=e.shape, clear_after_read=False)
        for e in examples
    )


def _write(arrays: Arrays, t: tf.Tensor, values: Tensors) -> Arrays:
    return tuple(array.write(t, value) for array, value in zip(arrays, values, strict=True))


def _chosen(mask: tf.Tensor, new: Tensors, old: Tensors) -> Tensors:
    keep = mask[:, tf.newaxis]
    return tuple(tf.where(keep, one, other) for one, other in zip(new, old, strict=True))
