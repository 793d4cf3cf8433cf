"""What lies at the edges is tried in a process made to be lost, and what is unsafe is refused."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from export import edges, graphs, keras_file, onnx_file, own_signature
from serving.errors import BadInput
from serving.session import Session


def explored(model, path):
    signature = own_signature.signature_of(model)
    onnx_file.write(signature, path)
    found = edges.explore(signature, path, keras_file.random_examples(model, signature))
    return {edge.case: edge for edge in found.edges}, found


def test_empty_batches_and_ids_beyond_the_vocabulary_are_kept_from_the_graph(tmp_path):
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.GRU(5)(layers.Embedding(9, 4)(tokens))
    found, limits = explored(keras.Model(tokens, layers.Dense(2)(x)), tmp_path / "model.onnx")
    assert set(found) == {"batch 0", "time 0", "tokens: -1", "tokens: 9"}
    assert found["batch 0"].outcome == "ends the process"
    assert all(edge.is_refused for edge in found.values())
    assert limits.shortest == {}


def test_a_series_shorter_than_a_kernel_is_found_out(tmp_path):
    series = keras.Input((None, 2), name="series")
    model = keras.Model(series, layers.Conv1D(3, 4, name="maps")(series))
    found, limits = explored(model, tmp_path / "model.onnx")
    assert limits.shortest == {"time": 4}
    assert found["series: NaN"].outcome == edges.AS_KERAS
    assert not found["series: NaN"].is_refused
    assert limits.refused == {}


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.GRU(5), (None, 3)),
        (layers.LSTM(5, return_sequences=True), (None, 3)),
        (layers.Dense(3, activation="relu"), (4,)),
    ],
    ids=["GRU", "LSTM", "ReLU"],
)
def test_nan_of_which_the_runtime_makes_a_number_is_refused_by_serving(layer, shape, tmp_path):
    x = keras.Input(shape, name="x")
    model = keras.Model(x, layer(x))
    found, limits = explored(model, tmp_path / "model.onnx")
    assert found["x: NaN"].outcome == "answers otherwise"
    assert found["x: NaN"].is_refused
    assert "NaN" in limits.refused["x"]
    described = graphs.described(own_signature.signature_of(model))
    inputs = tuple(dataclasses.replace(t, refused=limits.refused["x"]) for t in described.inputs)
    session = Session(
        (tmp_path / "model.onnx").read_bytes(), dataclasses.replace(described, inputs=inputs)
    )
    given = np.ones((2, *(length or 6 for length in shape)), np.float32)
    np.testing.assert_allclose(*session.run({"x": given}).values(), model(given), atol=1e-6)
    given.flat[-1] = np.nan
    with pytest.raises(BadInput, match="x holds NaN, which is not taken"):
        session.run({"x": given})


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_answer_with_numbers_that_are_none_agrees_only_where_keras_has_them(number):
    keras_has = np.array([1.0, number, 2.0], np.float32)
    assert edges.agrees(keras_has, keras_has.copy())
    assert not edges.agrees(keras_has, np.array([number, 1.0, 2.0], np.float32))
    assert not edges.agrees(np.zeros(3, np.float32), keras_has)
