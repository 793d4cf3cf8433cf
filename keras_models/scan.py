"""A cell over time: the loop forward, the loop backward, and one product for the weights.

Keras and TensorFlow add up the gradient of the recurrent weights step by step, reading and writing
the whole matrix each time; here every step's derivative is kept and multiplied once (cuDNN's way).
"""

from typing import Any

import tensorflow as tf

from keras_models.recurrent_cells import Cell, Tensors

Arrays = tuple[tf.TensorArray, ...]


def scan(
    cell: Cell, x: tf.Tensor, mask: tf.Tensor | None, initial: Tensors, weights: Tensors
) -> Tensors:
    """Runs a cell over all time steps.

    Args:
        cell: the equations.
        x: [time, batch, gates * units], inputs multiplied by their weights.
        mask: bool [time, batch], False where a step changes no state; or None.
        initial: the states before the first step, each [batch, units].
        weights: recurrent ones, as the cell wants them.

    Returns:
        Each state after every step, [time, batch, units].
    """
    count = len(initial)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def differentiable(x: tf.Tensor, *tensors: tf.Tensor) -> tuple[Tensors, object]:
        initial, weights = tensors[:count], tensors[count:]
        sequences, saved = _forward(cell, x, mask, initial, weights)

        def gradient(*d_sequences: tf.Tensor) -> list[tf.Tensor]:
            transposed = tuple(tf.transpose(w) if w.shape.rank == 2 else w for w in weights)
            d_x, d_initial = _backward(cell, saved, mask, d_sequences, transposed)
            before = tf.concat([initial[0][tf.newaxis], sequences[0][:-1]], axis=0)
            return [d_x, *d_initial, *cell.weight_gradients(saved, before, d_x)]

        return sequences, gradient

    return tuple(differentiable(x, *initial, *weights))


def _forward(
    cell: Cell, x: tf.Tensor, mask: tf.Tensor | None, initial: Tensors, weights: Tensors
) -> tuple[Tensors, Tensors]:
    steps = _steps(x)
    inputs, masks = _read(x), None if mask is None else _read(mask)
    _, examples = cell.step(x[0], initial, weights)

    def body(t: tf.Tensor, states: Tensors, written: Arrays, saved: Arrays) -> tuple[Any, ...]:
        after, kept = cell.step(inputs.read(t), states, weights)
        if masks is not None:
            after = _chosen(masks.read(t), after, states)
        return t + 1, after, _write(written, t, after), _write(saved, t, kept)

    _, _, written, saved = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (tf.constant(0), tuple(initial), _arrays(steps, initial), _arrays(steps, examples)),
        maximum_iterations=steps,
    )
    return tuple(a.stack() for a in written), tuple(a.stack() for a in saved)


def _backward(
    cell: Cell,
    saved: Tensors,
    mask: tf.Tensor | None,
    d_sequences: Tensors,
    transposed: Tensors,
) -> tuple[tf.Tensor, Tensors]:
    steps = _steps(saved[0])
    slopes, masks = [_read(one) for one in saved], None if mask is None else _read(mask)
    d_outputs = [_read(one) for one in d_sequences]
    zeros = tuple(tf.zeros_like(one[0]) for one in d_sequences)
    example, _ = cell.step_gradient(tuple(one[0] for one in saved), zeros, transposed)

    def body(t: tf.Tensor, d_after: Tensors, written: Arrays) -> tuple[Any, ...]:
        d_after = tuple(d + one.read(t) for d, one in zip(d_after, d_outputs, strict=True))
        masked = None if masks is None else masks.read(t)
        d_used = d_after if masked is None else _chosen(masked, d_after, zeros)
        d_x, d_before = cell.step_gradient(tuple(s.read(t) for s in slopes), d_used, transposed)
        if masked is not None:
            d_before = _chosen(masked, d_before, d_after)
        return t - 1, d_before, _write(written, t, (d_x,))

    _, d_initial, written = tf.while_loop(
        lambda t, *_: t >= 0,
        body,
        (steps - 1, zeros, _arrays(steps, (example,))),
        maximum_iterations=steps,
    )
    return written[0].stack(), d_initial


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
    return tuple(tf.TensorArray(e.dtype, size=steps, element_shape=e.shape) for e in examples)


def _write(arrays: Arrays, t: tf.Tensor, values: Tensors) -> Arrays:
    return tuple(array.write(t, value) for array, value in zip(arrays, values, strict=True))


def _chosen(mask: tf.Tensor, new: Tensors, old: Tensors) -> Tensors:
    keep = mask[:, tf.newaxis]
    return tuple(tf.where(keep, one, other) for one, other in zip(new, old, strict=True))
