"""Weights that make a network's outputs vary, where the given ones do not.

A proof on a flat softmax is none. A network with freshly drawn weights is often flat: its signal
dies, or saturates, on the way. Here every kernel gets the size that keeps a signal's size, and
batch normalization the statistics of the signal that reaches it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export import own_signature
from export.lowering.marks import Marks, Replacement

GAIN = 1.4
"""A ReLU halves what passes through it: He's initialization has √2."""
SHIFT = 1.0
"""Mean of what normalization adds. Centred signals lose half of themselves in every ReLU, and batch
normalization makes up for it: a difference grows by √(π/(π-1)) in each layer, in 50 of them to the
10000-fold, and rounding looks like a mistake. Shifted, most of a signal passes unbent, and
differences stay about as large as they were.
"""


def vary(model: keras.Model, inputs: Mapping[str, np.ndarray], seed: int = 0) -> None:
    """Replaces a model's weights by random ones that keep the signal alive.

    Args:
        model: changed in place.
        inputs: by input name, what the statistics of batch normalization come from.
        seed: of the weights.

    Source: He et al. 2015, Delving Deep into Rectifiers; Yang et al. 2019, A Mean Field Theory of
    Batch Normalization.
    """
    random = np.random.default_rng(seed)
    for variable in model.weights:
        drawn = _drawn(random, variable)
        if drawn is not None:
            variable.assign(drawn)
    _settle(model, inputs)


def _drawn(random: np.random.Generator, variable: keras.Variable) -> np.ndarray | None:
    """What a weight becomes; None for what is no weight: seeds, counters, tables."""
    name, shape = variable.name, tuple(variable.shape)
    if "float" not in str(variable.dtype) or "normalization" in variable.path.split("/")[-2:-1]:
        return None
    if name in ("mean", "variance", "count", "vector_u", "rnn_state"):
        return None
    if "gamma" in name or "scale" in name or name == "moving_variance":
        return random.uniform(0.5, 1.5, shape)
    if len(shape) < 2:
        return random.normal(SHIFT if name == "beta" else 0.0, 0.3, shape)
    fan_in = np.prod(shape[:-1]) if "embedding" not in name else 1.0
    if "depthwise" in name:
        fan_in = np.prod(shape[:-2])
    return random.normal(0.0, GAIN / np.sqrt(max(fan_in, 1.0)), shape)


def _settle(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> None:
    """Gives batch normalization the statistics of its own signal, one layer after the other.

    Not by a step of training: a base that is frozen, or called with `training=False`, has none.
    """
    signature = own_signature.signature_of(model)
    with Marks().replaced((Replacement(keras.layers.BatchNormalization, "call", _settling),)):
        signature.function(**{tensor.name: inputs[tensor.name] for tensor in signature.inputs})


def _settling(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(layer: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        axes = [axis for axis in range(len(inputs.shape)) if axis != layer.axis % len(inputs.shape)]
        if tf.executing_eagerly():
            mean, variance = tf.nn.moments(tf.cast(inputs, tf.float32), axes)
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)
        return original(layer, inputs, training=False, mask=mask)

    return call
