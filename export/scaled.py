"""Weights that make a network's outputs vary, where the given ones do not.

A proof on a flat softmax is none. A network with freshly drawn weights is often flat: its signal
dies, or saturates, on the way. Here every kernel gets the size that keeps a signal's size, and
batch normalization the statistics of the signal that reaches it.
"""

from collections.abc import Mapping

import keras
import numpy as np

GAIN = 1.4
"""A ReLU halves what passes through it: He's initialization has √2."""


def vary(model: keras.Model, inputs: Mapping[str, np.ndarray], seed: int = 0) -> None:
    """Replaces a model's weights by random ones that keep the signal alive.

    Args:
        model: changed in place.
        inputs: by input name, what the statistics of batch normalization come from.
        seed: of the weights.

    Source: He et al. 2015, Delving Deep into Rectifiers.
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
        return random.normal(0.0, 0.3, shape)
    fan_in = np.prod(shape[:-1]) if "embedding" not in name else 1.0
    if "depthwise" in name:
        fan_in = np.prod(shape[:-2])
    return random.normal(0.0, GAIN / np.sqrt(max(fan_in, 1.0)), shape)


def _settle(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> None:
    """Gives batch normalization the statistics of its own signal, by one step of training."""
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    if not layers or not getattr(model, "inputs", None):
        return
    try:
        for layer in layers:
            layer.momentum = 0.5
        given = [inputs[name] for name in inputs][: len(keras.tree.flatten(model._inputs_struct))]
        values = keras.tree.pack_sequence_as(model._inputs_struct, given)
        for _ in range(3):
            model(values, training=True)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
