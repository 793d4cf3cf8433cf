"""SimpleRNN, LSTM and GRU that train about twice as fast on a CPU: Keras' own layers, same weights.

Drop-in subclasses: whatever Keras' layer takes, gives, saves and loads, these do. They differ in
how the time loop is computed (`scan.py`), and only where that is the same function: with the
activations that the equations are written for and without recurrent dropout. Otherwise, and where
Keras would use cuDNN on a GPU, Keras' own loop runs.

One setting is not Keras': `weight_dropout` drops weights of the recurrent kernel while training,
the same ones at all steps of a window (DropConnect: Wan et al. 2013; on recurrence: Merity et al.
2018, arXiv 1708.02182). It regularizes what is remembered; to drop states would make it forget.
"""

from typing import Any

import keras
import tensorflow as tf

from keras_models.dropout import Dropout
from keras_models.recurrent_cells import (
    Cell,
    GRUCell,
    GRUResetBeforeCell,
    LSTMCell,
    SimpleRNNCell,
    Tensors,
)
from keras_models.scan import scan

Looped = tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]
"""The last output, all outputs [batch, time, units], the last states."""

TANH, SIGMOID, RELU = (keras.activations.get(name) for name in ("tanh", "sigmoid", "relu"))


class Scanned(keras.layers.RNN):
    """What the three have in common: when the scan is the same function, and running it."""

    def __init__(self, *arguments: Any, weight_dropout: float = 0.0, **settings: Any) -> None:
        """As Keras' own; `weight_dropout` is the share of recurrent weights that is dropped."""
        super().__init__(*arguments, **settings)
        self.weight_dropout = Dropout(weight_dropout) if weight_dropout else None

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """As Keras' own; the scan, unlike cuDNN, can be compiled with XLA."""
        super().build(sequences_shape, initial_state_shape)
        if self.weight_dropout is not None and not self._can_scan():
            raise ValueError(
                f"{self.name}: weight_dropout goes with the usual activations, without "
                "recurrent_dropout and unroll"
            )
        self.supports_jit: bool = self.supports_jit or self._can_scan()

    def get_config(self) -> dict[str, Any]:
        """As Keras' own, and `weight_dropout` where there is one."""
        rate = {} if self.weight_dropout is None else {"weight_dropout": self.weight_dropout.rate}
        return {**super().get_config(), **rate}

    def inner_loop(
        self, sequences: tf.Tensor, initial_state: Any, mask: Any, training: bool = False
    ) -> Looped:
        """Computes all steps; Keras calls this with tensors [batch, time, features]."""
        if not self._can_scan():
            result: Looped = super().inner_loop(sequences, initial_state, mask, training=training)
            return result
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        states = initial_state if isinstance(initial_state, list | tuple) else (initial_state,)
        initial = tuple(_tensor(state) for state in states)
        if training and self.dropout:
            sequences = sequences * self.cell.get_dropout_mask(sequences[:, 0, :])[:, tf.newaxis]
        if self.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        kernel = _tensor(self.cell.recurrent_kernel)
        if self.weight_dropout is not None:
            kernel = self.weight_dropout(kernel, training=training)
        cell, weights, bias = self._equations(kernel)
        x = _projected(tf.transpose(sequences, [1, 0, 2]), _tensor(self.cell.kernel), bias)
        passing = None if mask is None else tf.transpose(tf.cast(mask, tf.bool))
        outputs, last = scan(cell, x, passing, initial, weights)
        outputs = outputs if passing is None else self._masked(outputs, passing)
        return outputs[-1], tf.transpose(outputs, [1, 0, 2]), list(last)

    def _masked(self, outputs: tf.Tensor, passing: tf.Tensor) -> tf.Tensor:
        """What Keras gives at masked steps: the output before, or zeros where there was none."""
        if not self.zero_output_for_mask:
            passing = tf.cumsum(tf.cast(passing, tf.int32), axis=0) > 0
        return tf.where(passing[..., tf.newaxis], outputs, tf.zeros_like(outputs))

    def _can_scan(self) -> bool:
        plain = not self.cell.recurrent_dropout and not self.unroll
        one_mask = not self.dropout or getattr(self.cell, "implementation", 2) == 2
        has_cudnn = _has_gpu() and self.weight_dropout is None
        return plain and one_mask and not has_cudnn and self._has_known_activations()

    def _has_known_activations(self) -> bool:
        return self.cell.activation is TANH and self.cell.recurrent_activation is SIGMOID

    def _equations(self, kernel: tf.Tensor) -> tuple[Cell, Tensors, tf.Tensor | None]:
        """Returns the cell, its recurrent weights, and what is added to the projected input."""
        raise NotImplementedError


def can_be_compiled_whole() -> bool:
    """Whether XLA makes a training step faster under the dtype policy in force.

    On a CPU it multiplies bfloat16 in float32: there TensorFlow's own products, which use the
    processor's instructions, leave only the rest of each time step to XLA (`scan.py`).
    """
    return _has_gpu() or keras.config.dtype_policy().compute_dtype != "bfloat16"


def _has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


@keras.saving.register_keras_serializable("keras_models")
class SimpleRNN(Scanned, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN`, scanned for tanh and ReLU."""

    def _has_known_activations(self) -> bool:
        return self.cell.activation in (TANH, RELU)

    def _equations(self, kernel: tf.Tensor) -> tuple[Cell, Tensors, tf.Tensor | None]:
        cell = SimpleRNNCell(relu=self.cell.activation is RELU)
        return cell, (kernel,), _tensor(self.cell.bias)


@keras.saving.register_keras_serializable("keras_models")
class LSTM(Scanned, keras.layers.LSTM):
    """`keras.layers.LSTM`, scanned for its default activations."""

    def _equations(self, kernel: tf.Tensor) -> tuple[Cell, Tensors, tf.Tensor | None]:
        return LSTMCell(), (kernel,), _tensor(self.cell.bias)


@keras.saving.register_keras_serializable("keras_models")
class GRU(Scanned, keras.layers.GRU):
    """`keras.layers.GRU`, scanned for its default activations, `reset_after` either way."""

    def _equations(self, kernel: tf.Tensor) -> tuple[Cell, Tensors, tf.Tensor | None]:
        bias = _tensor(self.cell.bias)
        gates = 2 * self.cell.units
        if not self.cell.reset_after:
            return GRUResetBeforeCell(), (kernel[:, :gates], kernel[:, gates:]), bias
        if bias is None:
            return GRUCell(), (kernel, tf.zeros_like(kernel[0, gates:])), None
        into_x = tf.concat([bias[0, :gates] + bias[1, :gates], bias[0, gates:]], axis=0)
        return GRUCell(), (kernel, bias[1, gates:]), into_x


def _projected(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
    """Multiplies inputs [time, batch, features] by a kernel, all steps in one product.

    The bias is one more row of the kernel, whose input is 1: so its gradient, a sum over all steps,
    is part of the kernel's.
    """
    time, batch, features = tf.unstack(tf.shape(inputs))
    rows = tf.reshape(inputs, [time * batch, features])
    if bias is not None:
        rows = tf.concat([rows, tf.ones_like(rows[:, :1])], axis=1)
        kernel = tf.concat([kernel, bias[tf.newaxis]], axis=0)
    projected = tf.reshape(rows @ kernel, [time, batch, kernel.shape[1]])
    return tf.ensure_shape(projected, [*inputs.shape[:2], kernel.shape[1]])


def _tensor(weight: Any) -> Any:
    """The value in the dtype of the computation, which an autocast variable has when converted."""
    return None if weight is None else tf.convert_to_tensor(weight)
