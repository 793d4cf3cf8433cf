"""The equations of SimpleRNN, LSTM and GRU, and their derivatives, one time step at a time.

A cell gets an input that was already multiplied by its input weights (all time steps in one
product, before the loop) and gives the next state. Whatever of the derivative can be known then is
computed then: the way back only multiplies by saved slopes. The gradient by the recurrent weights
is one product over all steps, after the loop, the way cuDNN computes it (Appleyard et al. 2016,
arXiv 1604.01946, sections 3.1 and 4.2).

Names: x is the projected input, h the output state, c an LSTM's cell state; d_y is the derivative
of the loss with respect to y. Gates lie in Keras' order. Tensors of a step are [batch, units] or
[batch, gates * units]; over all steps [time, batch, …].
"""

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

Tensors = tuple[tf.Tensor, ...]


class Cell(Protocol):
    """What the scan over time asks of a cell."""

    def step(
        self, x: tf.Tensor, product: tf.Tensor, states: Tensors, weights: Tensors
    ) -> tuple[Tensors, Tensors]:
        """Returns the next states, and what the way back needs of this step.

        `product` is the output state times the first of the weights.
        """

    def step_gradient(
        self, saved: Tensors, d_after: Tensors, transposed: Tensors
    ) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """Returns d_x, d_product, and what else reaches the states before the step.

        `transposed` are the weights, matrices transposed.
        """

    def weight_gradients(self, saved: Tensors, before: tf.Tensor, d_x: tf.Tensor) -> Tensors:
        """Returns the derivatives by the weights, from all steps; `before` holds h before each."""


@dataclass(frozen=True)
class SimpleRNNCell:
    """h ← tanh(x + h·U), or with ReLU (Elman 1990; ReLU: Le et al. 2015).

    Weights: U [units, units]. Saves the slope of the activation.
    """

    relu: bool = False

    def step(
        self, x: tf.Tensor, product: tf.Tensor, states: Tensors, weights: Tensors
    ) -> tuple[Tensors, Tensors]:
        """The slope of tanh is 1 - tanh², that of ReLU 1 where its value is positive."""
        inner = x + product
        h = tf.nn.relu(inner) if self.relu else tf.tanh(inner)
        slope = tf.cast(h > 0, h.dtype) if self.relu else 1 - h * h
        return (h,), (slope,)

    def step_gradient(
        self, saved: Tensors, d_after: Tensors, transposed: Tensors
    ) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """Through the activation."""
        d_x = d_after[0] * saved[0]
        return d_x, d_x, (tf.zeros_like(d_x),)

    def weight_gradients(self, saved: Tensors, before: tf.Tensor, d_x: tf.Tensor) -> Tensors:
        """d_U = Σ h_beforeᵀ · d_x."""
        return (_outer(before, d_x),)


@dataclass(frozen=True)
class LSTMCell:
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 1999).

    i, f, o = σ(x + h·U), candidate n = tanh(x + h·U);  c ← f∘c + i∘n;  h ← o∘tanh(c).

    Weights: U [units, 4 units], gates i, f, n, o. Saves the derivatives of c by the four inner
    sums (of h for the last), that of h by c, and f, which is that of c by the c before.
    """

    def step(
        self, x: tf.Tensor, product: tf.Tensor, states: Tensors, weights: Tensors
    ) -> tuple[Tensors, Tensors]:
        """σ(y) is computed as (1 + tanh(y / 2)) / 2: one function for all four gates."""
        c_before = states[1]
        units = c_before.shape[-1]
        half = tf.constant([0.5] * 2 * units + [1.0] * units + [0.5] * units, x.dtype)
        tanh = tf.tanh((x + product) * half)
        i, f, n, o = tf.split(tanh * half + (1 - half), 4, axis=-1)
        c = f * c_before + i * n
        tanh_c = tf.tanh(c)
        inner = tf.concat(
            [n * i * (1 - i), c_before * f * (1 - f), i * (1 - n * n), tanh_c * o * (1 - o)], -1
        )
        return (o * tanh_c, c), (inner, o * (1 - tanh_c * tanh_c), f)

    def step_gradient(
        self, saved: Tensors, d_after: Tensors, transposed: Tensors
    ) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """The cell state passes its derivative on, times the forget gate."""
        inner, h_by_c, f = saved
        d_h, d_c = d_after
        d_c += d_h * h_by_c
        d_x = tf.concat([d_c, d_c, d_c, d_h], axis=-1) * inner
        return d_x, d_x, (tf.zeros_like(d_h), d_c * f)

    def weight_gradients(self, saved: Tensors, before: tf.Tensor, d_x: tf.Tensor) -> Tensors:
        """d_U = Σ h_beforeᵀ · d_x."""
        return (_outer(before, d_x),)


@dataclass(frozen=True)
class GRUCell:
    """Gated recurrent unit, reset after the product, as cuDNN and Keras have it by default.

    z, r = σ(x + h·U + b), n = tanh(x_n + r∘(h·U_n + b_n));  h ← z∘h + (1 - z)∘n.

    Weights: U [units, 3 units], gates z, r, n; b_n [units], the other biases are part of x. Saves
    the derivatives of h by the inner sums of z, r and n, and r and z.

    Source: Cho et al. 2014, arXiv 1406.1078, version 3.
    """

    def step(
        self, x: tf.Tensor, product: tf.Tensor, states: Tensors, weights: Tensors
    ) -> tuple[Tensors, Tensors]:
        """Mixes the state before with the candidate."""
        (h,) = states
        gates = 2 * h.shape[-1]
        z, r = tf.split(_sigmoid(x[:, :gates] + product[:, :gates]), 2, axis=-1)
        inner_n = product[:, gates:] + weights[1]
        n = tf.tanh(x[:, gates:] + r * inner_n)
        by_n = (1 - z) * (1 - n * n)
        slopes = tf.concat([(h - n) * z * (1 - z), by_n * inner_n * r * (1 - r), by_n], axis=-1)
        return (z * h + (1 - z) * n,), (slopes, r, z)

    def step_gradient(
        self, saved: Tensors, d_after: Tensors, transposed: Tensors
    ) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """By h·U_n + b_n the derivative is r times that by x_n."""
        slopes, r, z = saved
        (d_h,) = d_after
        d_x = tf.concat([d_h, d_h, d_h], axis=-1) * slopes
        return d_x, _reset(d_x, r), (d_h * z,)

    def weight_gradients(self, saved: Tensors, before: tf.Tensor, d_x: tf.Tensor) -> Tensors:
        """d_U = Σ h_beforeᵀ · d_inner, d_b_n = Σ d_inner_n."""
        d_inner = _reset(d_x, saved[1])
        d_bias = tf.reduce_sum(d_inner[..., 2 * before.shape[-1] :], axis=[0, 1])
        return _outer(before, d_inner), d_bias


@dataclass(frozen=True)
class GRUResetBeforeCell:
    """The same with the reset before the product: n = tanh(x_n + (r∘h)·U_n).

    Weights: U of z and r [units, 2 units], U_n [units, units]. Saves the derivatives of h by the
    inner sums of z and n, that of r∘h by the inner sum of r, and r and z.

    Source: Cho et al. 2014, arXiv 1406.1078, version 1.
    """

    def step(
        self, x: tf.Tensor, product: tf.Tensor, states: Tensors, weights: Tensors
    ) -> tuple[Tensors, Tensors]:
        """Mixes the state before with the candidate."""
        (h,) = states
        gates = 2 * h.shape[-1]
        z, r = tf.split(_sigmoid(x[:, :gates] + product[:, :gates]), 2, axis=-1)
        n = tf.tanh(x[:, gates:] + (r * h) @ weights[1])
        by_z, by_n = (h - n) * z * (1 - z), (1 - z) * (1 - n * n)
        return (z * h + (1 - z) * n,), (by_z, h * r * (1 - r), by_n, r, z)

    def step_gradient(
        self, saved: Tensors, d_after: Tensors, transposed: Tensors
    ) -> tuple[tf.Tensor, tf.Tensor, Tensors]:
        """The derivative by r∘h reaches r and h both."""
        by_z, reset_by_r, by_n, r, z = saved
        (d_h,) = d_after
        d_n = d_h * by_n
        d_reset = d_n @ transposed[1]
        d_gates = tf.concat([d_h * by_z, d_reset * reset_by_r], axis=-1)
        d_before = d_reset * r + d_h * z
        return tf.concat([d_gates, d_n], axis=-1), d_gates, (d_before,)

    def weight_gradients(self, saved: Tensors, before: tf.Tensor, d_x: tf.Tensor) -> Tensors:
        """d_U = Σ h_beforeᵀ · d_x of the gates, d_U_n = Σ (r∘h_before)ᵀ · d_n."""
        units = before.shape[-1]
        gates, n = d_x[..., : 2 * units], d_x[..., 2 * units :]
        return _outer(before, gates), _outer(saved[3] * before, n)


def _sigmoid(values: tf.Tensor) -> tf.Tensor:
    """By tanh, which XLA computes faster on a CPU than its exponential and division."""
    return 0.5 * tf.tanh(0.5 * values) + 0.5


def _reset(d_x: tf.Tensor, r: tf.Tensor) -> tf.Tensor:
    d_z, d_r, d_n = tf.split(d_x, 3, axis=-1)
    return tf.concat([d_z, d_r, d_n * r], axis=-1)


def _outer(before: tf.Tensor, derivative: tf.Tensor) -> tf.Tensor:
    """Σ over time and batch of beforeᵀ · derivative, as one product."""
    rows = tf.reshape(before, [-1, before.shape[-1]])
    return tf.matmul(rows, tf.reshape(derivative, [-1, derivative.shape[-1]]), transpose_a=True)
