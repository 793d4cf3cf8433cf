"""The layer whose answer is the first to differ is named."""

import keras
import numpy as np
from keras import layers

from export import localize, onnx_file


def network():
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    y = layers.Dense(6, activation="tanh", name="first")(x)
    y = layers.Dense(6, activation="celu", name="second")(y)  # Expm1
    return keras.Model(x, layers.Dense(2, name="third")(y))


INPUTS = {"x": np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)}


def wrong(context, node, name, arguments):
    """Writes expm1 as if it were the sine."""
    node.type = "Sin"


def test_the_first_layer_that_differs_is_named(monkeypatch):
    monkeypatch.setitem(onnx_file.LOWERINGS, "Expm1", wrong)
    said = localize.first_divergence(network(), INPUTS)
    assert said.startswith("the first layer that differs is second: by ")


def test_where_nothing_differs_no_layer_is_blamed():
    assert "no single layer differs" in localize.first_divergence(network(), INPUTS)


def test_a_layer_that_onnx_cannot_express_is_named():
    x = keras.Input((4,), name="x")
    y = layers.Dense(3, activation="tanh", name="before")(x)
    model = keras.Model(x, keras.ops.erfinv(y))
    said = localize.first_divergence(model, INPUTS)
    assert said.startswith("the first layer that ONNX cannot express is erfinv")
