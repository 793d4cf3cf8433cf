"""Keras' recurrent cells in the terms of ONNX's operators LSTM, GRU and RNN.

Source: ONNX operators LSTM (14), GRU (14), RNN (14).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

ACTIVATIONS: dict[str, tuple[str, tuple[float, ...]]] = {
    "tanh": ("Tanh", ()),
    "sigmoid": ("Sigmoid", ()),
    "relu": ("Relu", ()),
    "hard_sigmoid": ("HardSigmoid", (1 / 6, 0.5)),
    "leaky_relu": ("LeakyRelu", (0.2,)),
    "elu": ("Elu", (1.0,)),
    "softsign": ("Softsign", ()),
    "softplus": ("Softplus", ()),
    "linear": ("Affine", (1.0, 0.0)),
}
"""Keras' activations that ONNX's recurrent operators have: name, and alpha and beta if any."""


@dataclass(frozen=True)
class Native:
    """A cell in ONNX's terms.

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

    @property
    def units(self) -> int:
        """How wide its state is."""
        return int(self.recurrent_kernel.shape[-1])

    @property
    def states(self) -> int:
        """How many states it has."""
        return 2 if self.operator == "LSTM" else 1


def described(cell: Any) -> Native | None:
    """Returns a cell in ONNX's terms, or None where ONNX has no such operator."""
    functions = (getattr(cell, name, None) for name in ("recurrent_activation", "activation"))
    names = [keras.activations.serialize(one) for one in functions if one is not None]
    if any(name not in ACTIVATIONS for name in names if isinstance(name, str)):
        return None
    if not all(isinstance(name, str) for name in names):
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
        kernel, recurrent_kernel = _float32(cell.kernel), _float32(cell.recurrent_kernel)
        given = None if cell.bias is None else _float32(cell.bias)
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


def _float32(weight: Any) -> np.ndarray:
    return np.asarray(weight, np.float32)
