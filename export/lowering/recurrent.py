"""Recurrent layers as ONNX's own operators LSTM, GRU and RNN, instead of a Loop over time.

tf2onnx sees a while loop and would have to guess which cell is in it. So while a model is traced
for ONNX, each recurrent layer that ONNX knows puts down one operator that stands for all its time
steps (`Marked`), and tf2onnx hands that operator to `Marked.lower`. The operator is TensorFlow's
CudnnRNNV3: it has the right tensors and shapes, and is never run.

A layer with a mask, another dtype than float32, or an activation that ONNX does not name keeps its
loop.

Source: ONNX operators LSTM (14), GRU (14), RNN (14).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_models import recurrent

Context = Any  # tf2onnx's graph and node, which carry no types
Node = Any

MARKER = "CudnnRNNV3"
LOOP = "inner_loop"
LOOPS = (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU, recurrent.Scanned)
"""The classes with a loop over time of their own."""
ACTIVATIONS: dict[str, tuple[str, float, float]] = {
    "tanh": ("Tanh", 0, 0),
    "sigmoid": ("Sigmoid", 0, 0),
    "relu": ("Relu", 0, 0),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "leaky_relu": ("LeakyRelu", 0.2, 0),
    "elu": ("Elu", 1, 0),
    "softsign": ("Softsign", 0, 0),
    "softplus": ("Softplus", 0, 0),
    "linear": ("Affine", 1, 0),
}
"""Keras' activations that ONNX's recurrent operators have: name, alpha, beta."""


@dataclass(frozen=True)
class Native:
    """A recurrent layer in ONNX's terms.

    Attributes:
        operator: LSTM, GRU or RNN.
        kernel: W [1, gates * units, features].
        recurrent_kernel: R [1, gates * units, units].
        bias: B [1, 2 * gates * units].
        activations: Keras' names, the recurrent one first.
        reset_after: of a GRU, whether the reset gate comes after the product.
    """

    operator: str
    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray
    activations: Sequence[str]
    reset_after: bool = False


class Marked:
    """The recurrent layers of one trace, each standing as one operator in the graph."""

    def __init__(self) -> None:
        """Begins with none."""
        self.layers: list[Native] = []

    @contextlib.contextmanager
    def tracing(self) -> Iterator[None]:
        """While it lasts, recurrent layers that ONNX knows put down a marker and not a loop."""
        originals = {cls: getattr(cls, LOOP) for cls in LOOPS}
        for cls, original in originals.items():
            setattr(cls, LOOP, self._marking(original))
        try:
            yield
        finally:
            for cls, original in originals.items():
                setattr(cls, LOOP, original)

    def _marking(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def inner_loop(
            layer: keras.layers.RNN,
            sequences: tf.Tensor,
            initial_state: Any,
            mask: Any,
            training: bool = False,
        ) -> Any:
            masked = any(one is not None for one in tf.nest.flatten(mask))
            native = None if training or masked else described(layer, sequences.dtype)
            if native is None:
                return original(layer, sequences, initial_state, mask, training=training)
            self.layers.append(native)
            return _mark(layer, sequences, tf.nest.flatten(initial_state), len(self.layers) - 1)

        return inner_loop

    def lower(self, context: Context, node: Node, name: str, args: object) -> None:
        """Writes the ONNX operator in place of a marker."""
        native = self.layers[node.get_attr_value("seed", 0)]
        x, h, c = node.input[:3]
        outputs, shapes, dtypes = list(node.output), node.output_shapes, node.output_dtypes
        context.remove_node(node.name)
        weights = [
            context.make_const(f"{node.name}_{part}", value).output[0]
            for part, value in (
                ("W", native.kernel), ("R", native.recurrent_kernel), ("B", native.bias)
            )
        ]  # fmt: skip
        is_lstm = native.operator == "LSTM"
        steps = f"{outputs[0]}_steps"
        context.make_node(
            native.operator,
            [x, *weights, "", h, *([c] if is_lstm else [])],
            name=node.name,
            outputs=[steps, outputs[1], *([outputs[2]] if is_lstm else [])],
            attr=_attributes(native),
            dtypes=[dtypes[0]] * (3 if is_lstm else 2),
            shapes=[None, *shapes[1 : 3 if is_lstm else 2]],
        )
        axis = context.make_const(f"{node.name}_direction", np.array([1], np.int64)).output[0]
        context.make_node(
            "Squeeze",
            [steps, axis],
            name=f"{node.name}_squeeze",
            outputs=[outputs[0]],
            shapes=[shapes[0]],
            dtypes=[dtypes[0]],
        )


def described(layer: keras.layers.RNN, dtype: tf.DType) -> Native | None:
    """Returns a layer in ONNX's terms, or None where ONNX has no such operator."""
    cell = layer.cell
    functions = (getattr(cell, name, None) for name in ("recurrent_activation", "activation"))
    names = [keras.activations.serialize(one) for one in functions if one is not None]
    if dtype != tf.float32 or any(name not in ACTIVATIONS for name in names):
        return None
    if type(cell) is keras.layers.LSTMCell:
        return _native(cell, "LSTM", names, order=(0, 3, 1, 2))
    if type(cell) is keras.layers.GRUCell:
        return _native(cell, "GRU", names, order=(0, 1, 2), reset_after=cell.reset_after)
    if type(cell) is keras.layers.SimpleRNNCell:
        return _native(cell, "RNN", names, order=(0,))
    return None


def _native(
    cell: Any, operator: str, names: list[str], *, order: Sequence[int], reset_after: bool = False
) -> Native:
    """Puts Keras' weights [inputs, gates * units] into ONNX's order of gates, transposed."""
    with tf.init_scope():  # out of the graph being traced, where a weight has its value
        kernel, recurrent_kernel = np.asarray(cell.kernel), np.asarray(cell.recurrent_kernel)
        given = None if cell.bias is None else np.asarray(cell.bias)
    biases = np.zeros((2, kernel.shape[1]), np.float32)
    if given is not None:
        given = given.reshape(-1, kernel.shape[1])
        biases[: len(given)] = given

    def ordered(weights: np.ndarray) -> np.ndarray:
        gates = np.split(weights, len(order), axis=-1)
        return np.concatenate([gates[gate] for gate in order], axis=-1)

    return Native(
        operator=operator,
        kernel=ordered(kernel).T[np.newaxis].copy(),
        recurrent_kernel=ordered(recurrent_kernel).T[np.newaxis].copy(),
        bias=ordered(biases).reshape(1, -1),
        activations=[*names, names[-1]] if operator == "LSTM" else names,
        reset_after=reset_after,
    )


def _mark(layer: keras.layers.RNN, sequences: tf.Tensor, states: list, number: int) -> Any:
    """Puts the marker down; its seed, which nothing else needs, says which layer it stands for."""
    if layer.go_backwards:
        sequences = tf.reverse(sequences, [1])
    x = tf.transpose(sequences, [1, 0, 2])
    h = states[0][tf.newaxis]
    is_lstm = len(states) == 2
    steps, last, cell_state, *_ = tf.raw_ops.CudnnRNNV3(
        input=x,
        input_h=h,
        input_c=states[1][tf.newaxis] if is_lstm else h,
        params=tf.zeros([1]),
        sequence_lengths=tf.fill(tf.shape(x)[1:2], tf.shape(x)[0]),
        rnn_mode="lstm" if is_lstm else "gru",
        seed=number,
        is_training=False,
    )
    after = [last[0], cell_state[0]] if is_lstm else [last[0]]
    return last[0], tf.transpose(steps, [1, 0, 2]), after


def _attributes(native: Native) -> dict[str, Any]:
    parts = [ACTIVATIONS[name] for name in native.activations]
    attributes: dict[str, Any] = {
        "hidden_size": native.recurrent_kernel.shape[-1],
        "direction": "forward",
        "activations": [name for name, _, _ in parts],
    }
    if any(alpha or beta for _, alpha, beta in parts):
        attributes["activation_alpha"] = [float(alpha) for _, alpha, _ in parts]
        attributes["activation_beta"] = [float(beta) for _, _, beta in parts]
    if native.operator == "GRU":
        attributes["linear_before_reset"] = int(native.reset_after)
    return attributes
