"""State that layers keep from call to call (`stateful=True`), made inputs and outputs.

Kept inside, a server's users would share it, and an ONNX graph would forget it.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from keras_models.signature import Tensor


@dataclass(frozen=True)
class States:
    """The state of all layers of a model.

    Attributes:
        variables: which hold it.
        inputs, outputs: the same as tensors, before and after a call.
    """

    variables: Sequence[keras.Variable]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def __bool__(self) -> bool:
        return bool(self.variables)

    def call(
        self, function: Callable[[], Any], before: Sequence[tf.Tensor]
    ) -> tuple[Any, list[tf.Tensor]]:
        """Calls the function with the state given, and returns its answer and the state after."""
        if not self.variables:
            return function(), []
        given = list(zip(self.variables, before, strict=True))
        with keras.StatelessScope(state_mapping=given) as scope:
            answers = function()
        after = [scope.get_current_value(variable) for variable in self.variables]
        return answers, [tf.convert_to_tensor(value) for value in after]


def of(model: keras.Model, taken: Sequence[str]) -> States:
    """Returns the state that a model's layers keep.

    Args:
        model: built.
        taken: names that its tensors must not have.
    """
    variables, inputs, outputs = [], [], []
    for layer in model._flatten_layers():
        if not getattr(layer, "stateful", False) or getattr(layer, "states", None) is None:
            continue
        kept = keras.tree.flatten(layer.states)
        for number, variable in enumerate(kept):
            suffix = f"_{number}" if len(kept) > 1 else ""
            name = f"{re.sub(r'[^A-Za-z0-9_]', '_', layer.name)}_state{suffix}"
            while name in taken or name in [tensor.name for tensor in inputs]:
                name = f"{name}_"
            shape = ("batch", *variable.shape[1:])
            variables.append(variable)
            inputs.append(Tensor(name=name, dtype=str(variable.dtype), shape=shape))
            outputs.append(
                Tensor(name=f"{name}_after", dtype=str(variable.dtype), shape=shape)
            )
    return States(variables, tuple(inputs), tuple(outputs))


def with_free_batch(tensor: Tensor) -> Tensor:
    """Returns the tensor with a free first dimension: only the state inside had one fixed."""
    return dataclasses.replace(tensor, shape=("batch", *tensor.shape[1:]))
