"""Inputs are drawn from what a model's layers know, and from what they do not."""

import keras
import numpy as np
import pytest
from keras import layers

from export import keras_file, own_signature

VOCABULARY = [1000, 2_000_000, -7]


class Subclassed(keras.Model):
    """Takes ids and floats, and looks the ids up in Python."""

    def __init__(self):
        super().__init__()
        self.table = layers.IntegerLookup(vocabulary=VOCABULARY)
        self.places = layers.Embedding(4, 2)

    def build(self, ids_shape, x_shape):
        self.places.build((None, 4))

    def call(self, ids, x):
        return self.places(self.table(ids)) + x[..., np.newaxis]


def drawn(model):
    signature = own_signature.signature_of(model)
    return keras_file.random_examples(model, signature)


def of(layer, dtype="int64", shape=(4,)):
    x = keras.Input(shape, dtype=dtype, name="x")
    return keras.Model(x, layer(x))


def nested():
    inner = of(layers.IntegerLookup(vocabulary=VOCABULARY))
    x = keras.Input((4,), dtype="int64", name="x")
    return keras.Model(x, inner(x))


@pytest.mark.parametrize("build", [lambda: of(layers.IntegerLookup(vocabulary=VOCABULARY)), nested])
def test_a_table_gets_all_that_it_knows_and_some_that_it_does_not(build):
    x = drawn(build())["x"]
    assert set(VOCABULARY) <= set(x.ravel().tolist())
    assert 0.1 < np.isin(x, VOCABULARY, invert=True).mean() < 0.4


def test_a_table_that_refuses_what_it_does_not_know_gets_none_of_it():
    x = drawn(of(layers.IntegerLookup(vocabulary=VOCABULARY, num_oov_indices=0)))["x"]
    assert set(x.ravel().tolist()) == set(VOCABULARY)


def test_ids_of_an_embedding_stay_below_its_size():
    x = drawn(of(layers.Embedding(1000, 2)))["x"]
    assert 0 <= x.min() < 50
    assert 950 < x.max() < 1000


def test_a_model_without_a_graph_of_layers_is_traced_for_who_takes_what():
    model = Subclassed()
    model.build((None, 4), (None, 4))
    model(np.array([[1000] * 4]), np.ones((1, 4), np.float32))
    signature = own_signature.signature_of(model)
    assert [tensor.maximum for tensor in signature.inputs] == [None, None]
    ids, x = (drawn(model)[tensor.name] for tensor in signature.inputs)
    assert set(VOCABULARY) <= set(ids.ravel().tolist())
    assert len(np.unique(x)) == x.size


def test_numbers_fall_into_every_bin():
    layer = layers.Discretization(bin_boundaries=[100.0, 250.0, 300.0])
    x = drawn(of(layer, dtype="float32"))["x"]
    assert set(np.digitize(x, layer.bin_boundaries).ravel()) == {0, 1, 2, 3}
