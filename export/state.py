"""State that layers keep from call to call (`stateful=True`), made inputs and outputs.

Kept inside, a server's users would share it, and an ONNX graph would forget it.
"""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from keras_models.signature import Tensor


@dataclass(frozen=True)
class States:
    """The state of all layers of a model.

    Attributes:
        layers: which keep it.
        inputs, outputs: the same as tensors, before and after a call.
    """

    layers: Sequence[keras.layers.RNN]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def __bool__(self) -> bool:
        return bool(self.layers)

    def call(
        self, function: Callable[[], Any], before: Sequence[tf.Tensor]
    ) -> tuple[Any, list[tf.Tensor]]:
        """Calls the function with the state given, and returns its answer and the state after."""
        kept = [_Kept(value) for value in before]
        rest = iter(kept)
        with contextlib.ExitStack() as stack:
            for layer in self.layers:
                count = len(keras.tree.flatten(layer.states))
                stack.enter_context(_standing_in(layer, [next(rest) for _ in range(count)]))
            answers = function()
        return answers, [one.value for one in kept]


class _Kept:
    """Takes the place of a variable with state: a tensor of any batch size."""

    def __init__(self, value: tf.Tensor) -> None:
        self.value = value

    def assign(self, value: tf.Tensor) -> None:
        """Is what a layer calls to keep its state."""
        self.value = tf.convert_to_tensor(value)

    def __tf_tensor__(self, dtype: Any = None, name: Any = None) -> tf.Tensor:
        return tf.cast(self.value, dtype) if dtype is not None else self.value


@contextlib.contextmanager
def _standing_in(layer: keras.layers.RNN, kept: Sequence[_Kept]) -> Iterator[None]:
    """Gives a layer other variables for its state, past its bookkeeping, for a while."""
    own = {name: layer.__dict__[name] for name in ("states", "_expected_batch_size")}
    layer.__dict__["states"] = keras.tree.pack_sequence_as(own["states"], list(kept))
    layer.__dict__["_expected_batch_size"] = None
    try:
        yield
    finally:
        layer.__dict__.update(own)


def of(model: keras.Model, taken: Sequence[str]) -> States:
    """Returns the state that a model's layers keep.

    Args:
        model: built.
        taken: names that its tensors must not have.
    """
    layers: list[keras.layers.RNN] = []
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    for layer in model._flatten_layers():
        if not getattr(layer, "stateful", False) or getattr(layer, "states", None) is None:
            continue
        layers.append(layer)
        kept = keras.tree.flatten(layer.states)
        for number, variable in enumerate(kept):
            suffix = f"_{number}" if len(kept) > 1 else ""
            name = f"{re.sub(r'[^A-Za-z0-9_]', '_', layer.name)}_state{suffix}"
            while name in taken or name in [tensor.name for tensor in inputs]:
                name = f"{name}_"
            shape = ("batch", *variable.shape[1:])
            inputs.append(Tensor(name=name, dtype=str(variable.dtype), shape=shape))
            outputs.append(Tensor(name=f"next_{name}", dtype=str(variable.dtype), shape=shape))
    return States(layers, tuple(inputs), tuple(outputs))


def with_free_batch(tensor: Tensor) -> Tensor:
    """Returns the tensor with a free first dimension: only the state inside had one fixed."""
    return dataclasses.replace(tensor, shape=("batch", *tensor.shape[1:]))
