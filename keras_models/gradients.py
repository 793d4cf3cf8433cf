"""The gradients of a model that `fit` trains by one loss, on a few held-out samples."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

SAMPLES = 64


class HeldOut(Protocol):
    """Samples with their answers, as `family.Examples` holds them."""

    @property
    def inputs(self) -> Any:
        """By input name."""

    @property
    def answers(self) -> np.ndarray:
        """One for each sample."""


def of_loss(model: keras.Model, examples: HeldOut) -> Iterable[tuple[Any, tf.Tensor]]:
    """Returns each trainable weight with the gradient of the loss; None where it has no part."""
    inputs = packed([value[:SAMPLES] for value in examples.inputs.values()])
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=False)
        loss = model.compute_loss(y=examples.answers[:SAMPLES], y_pred=outputs)
    variables = model.trainable_variables
    found = tape.gradient(loss, [variable.value for variable in variables])
    return zip(variables, found, strict=True)


def packed(inputs: Sequence[Any]) -> Any:
    """Keras calls a model of one input with the tensor itself."""
    return inputs[0] if len(inputs) == 1 else list(inputs)
