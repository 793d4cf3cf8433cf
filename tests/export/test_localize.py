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
    assert said.startswith("the first layer that differs is second (Dense): by ")


def test_where_nothing_differs_no_layer_is_blamed():
    assert "no single layer differs" in localize.first_divergence(network(), INPUTS)


class Tail(keras.Model):
    """Calls its layers in Python, one of them twice."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.even = layers.Dense(6, activation="tanh", name="even")
        self.odd = layers.Dense(6, activation="celu", name="odd")

    def call(self, x):
        return self.even(self.odd(self.even(x)))


def test_the_first_layer_that_differs_is_named_inside_of_models_too(monkeypatch):
    monkeypatch.setitem(onnx_file.LOWERINGS, "Expm1", wrong)
    x = keras.Input((4,), name="x")
    body = keras.Sequential([keras.Input((4,)), layers.Dense(6), Tail(name="tail")], name="body")
    said = localize.first_divergence(keras.Model(x, layers.Dense(2)(body(x))), INPUTS)
    assert said.startswith("the first layer that differs is body/tail/odd (Dense): by ")


def test_a_graph_that_cannot_be_written_is_no_traceback():
    x = keras.Input((4,), name="x")
    y = layers.Dense(3, activation="tanh", name="before")(x)
    said = localize.first_divergence(keras.Model(x, keras.ops.nextafter(y, 1.0)), INPUTS)
    assert said.startswith("its layers cannot be compared: ")
    assert "(Nextafter) uses NextAfter" in said
