"""Weights too large for one file: written beside the graph, hashed, and served from there."""

import dataclasses

import keras
import numpy as np
import onnx
import pytest
from keras import layers

import serving
from export import graphs, onnx_file, own_signature, proof, proof_cases, quantize, source
from export.lowering import detached
from keras_models.errors import BadInput
from serving import session, weights
from serving.errors import DamagedBundle


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    """A file that holds 100 bytes, so that no test needs 2 GB."""
    monkeypatch.setattr(detached, "LARGE_BYTES", 100)
    monkeypatch.setattr(detached, "LEAST_BYTES", 100)


def network():
    """Weights that are read as they are, turned, looked up in, and shared."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 2), name="image")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    dense = layers.Dense(6, activation="tanh")
    x = dense(layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3)(image)))
    y = dense(layers.GlobalAveragePooling1D()(layers.Embedding(20, 6)(tokens)))
    return keras.Model([image, tokens], layers.Dense(3, name="scores")(x + y))


@pytest.fixture
def staged(tmp_path):
    """A bundle of that model."""
    network().save(tmp_path / "model.keras")
    read = source.read(tmp_path / "model.keras")
    folder = tmp_path / "1"
    folder.mkdir()
    cases = proof_cases.all_cases(read)
    return read, cases, folder, graphs.write(read, "model", cases, folder)


def test_the_graph_holds_no_large_weight_and_proves_to_compute_the_same(staged):
    read, cases, folder, _ = staged
    graph = onnx.load(folder / "onnx/serving_default.onnx", load_external_data=False).graph
    outside = [one for one in graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL]
    assert sorted(list(one.dims) for one in outside) == [[6, 2, 3, 3], [6, 6], [20, 6]]
    inside = [one for one in graph.initializer if one not in outside]
    assert all(np.prod(one.dims) * 4 <= 100 for one in inside)
    assert proof.prove(read, cases, folder, lambda _: None)


def test_the_weights_are_hashed_and_no_others_are_served(staged):
    _, _, folder, manifest = staged
    assert "onnx/serving_default.onnx.data" in manifest.files
    inputs = {"image": np.ones((1, 8, 8, 2), np.float32), "tokens": np.ones((1, 4), np.int32)}
    assert serving.load(folder).predict(**inputs)["scores"].shape == (1, 3)
    path = folder / "onnx/serving_default.onnx.data"
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(DamagedBundle, match="not the file that was published"):
        serving.load(folder).predict(**inputs)


def test_constants_that_no_protobuf_field_holds_are_served_from_where_they_lie(staged, monkeypatch):
    read, _, folder, _ = staged
    inputs = {
        "image": np.ones((2, 8, 8, 2), np.float32),
        "tokens": np.arange(8, dtype=np.int32).reshape(2, 4),
    }
    monkeypatch.setattr(weights, "LARGEST_BYTES", 100)  # so that no test needs 2 GB
    path = folder / "onnx/serving_default.onnx"
    beside = {f"{path.name}.data": path.with_name(f"{path.name}.data").read_bytes()}
    found = weights.largest(path.read_bytes(), beside)
    assert sorted(one.shape for one in found.values()) == [(6, 2, 3, 3), (6, 6), (20, 6)]
    expected = np.asarray(read.model(inputs))
    served = serving.load(folder).predict(**inputs)["scores"]
    np.testing.assert_allclose(served, expected, atol=1e-6)


@pytest.mark.parametrize("lacks", ["numbers", "file"])
def test_a_constant_that_is_not_in_its_file_is_refused(staged, lacks, monkeypatch):
    _, _, folder, manifest = staged
    monkeypatch.setattr(weights, "LARGEST_BYTES", 100)
    content = (folder / "onnx/serving_default.onnx").read_bytes()
    name = "serving_default.onnx.data" if lacks == "numbers" else "another"
    with pytest.raises(DamagedBundle, match="cannot be loaded"):
        session.Session(content, manifest.signatures[0], weights={name: bytes(200)})


def test_two_exports_are_the_same_bytes(tmp_path):
    signature = own_signature.signature_of(network())
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        onnx_file.write(signature, tmp_path / name / "model.onnx")
    for name in ("model.onnx", "model.onnx.data"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_they_are_not_quantized_and_it_is_said_why(staged):
    read, cases, folder, manifest = staged
    real = dataclasses.replace(read, examples_are_real=True)
    with pytest.raises(BadInput, match="too large to be rewritten"):
        quantize.with_numbers(manifest, real, folder, cases, "int8")


def test_heavy_matrices_are_written_into_the_graphs_file_and_the_graph_is_the_same(
    tmp_path, monkeypatch
):
    signature = own_signature.signature_of(network())
    monkeypatch.setattr(detached, "LARGE_BYTES", 2**30)
    onnx_file.write(signature, tmp_path / "plain.onnx")
    monkeypatch.setattr(detached, "HEAVY_BYTES", 100)
    onnx_file.write(signature, tmp_path / "heavy.onnx")
    assert not (tmp_path / "heavy.onnx.data").exists()
    plain, heavy = (onnx.load(tmp_path / f"{name}.onnx") for name in ("plain", "heavy"))
    onnx.checker.check_model(heavy, full_check=True)
    assert list(heavy.graph.node) == list(plain.graph.node)
    constants = [
        {one.name: one.raw_data for one in graph.graph.initializer} for graph in (plain, heavy)
    ]
    assert constants[0] == constants[1]
    assert sum(len(list(one.dims)) == 2 for one in heavy.graph.initializer) >= 3


def test_large_weights_that_must_stay_in_the_graph_are_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(detached, "MOST_BYTES", 200)  # so that no test needs 2 GB
    x = keras.Input((4,), dtype="float64", name="x")
    y = layers.Dense(8, dtype="float64", name="wide")(x)
    signature = own_signature.signature_of(keras.Model(x, y))
    with pytest.raises(BadInput, match=r"wide/kernel \(float64, 0.0 GB\).*as float32"):
        onnx_file.write(signature, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
