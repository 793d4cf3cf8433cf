"""What a notebook calls: a proven ONNX file, or none, and a model that is as it was."""

import textwrap
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

import export
from export.proof import Unproven
from keras_models.errors import BadInput


def classifier():
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 3), name="series")
    return keras.Model(x, layers.Dense(4, name="scores")(layers.GRU(5)(x)))


def test_a_model_becomes_a_file_with_its_proof(tmp_path):
    model, said = classifier(), []
    (proof,) = export.to_onnx(model, tmp_path / "model.onnx", say=said.append)
    assert (proof.output, proof.decisions) == ("scores", proof.decisions_agreeing)
    assert 0 < proof.largest_relative_error < 1e-5
    assert proof.cases > 8
    assert said[-1] == "running the file in a fresh process"
    x = np.random.default_rng(0).normal(size=(2, 7, 3)).astype(np.float32)
    (answer,) = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"series": x})
    np.testing.assert_allclose(answer, model(x), atol=1e-6)


def test_a_file_that_computes_something_else_is_not_proven(tmp_path):
    model = classifier()
    export.to_onnx(model, tmp_path / "model.onnx", proven=False)
    graph = onnx.load(tmp_path / "model.onnx")
    weights = next(one for one in graph.graph.initializer if "MatMul" in one.name)
    changed = onnx.numpy_helper.to_array(weights) * np.float32(1.01)
    weights.CopyFrom(onnx.numpy_helper.from_array(changed, weights.name))
    onnx.save(graph, tmp_path / "model.onnx")
    with pytest.raises(Unproven, match=r"onnx serving_default scores, case real_1: largest error"):
        export.prove(model, tmp_path / "model.onnx", say=lambda _: None)


def test_a_flat_model_is_proven_with_other_weights_and_has_its_own_again(tmp_path):
    flat = layers.Dense(3, kernel_initializer="zeros", activation="softmax", name="scores")
    model = keras.Sequential([keras.Input((5,), name="x"), flat])
    said = []
    export.to_onnx(model, tmp_path / "model.onnx", say=said.append)
    assert any("with other weights too" in one for one in said)
    assert not model.get_weights()[0].any()


def test_examples_that_do_not_fit_are_refused(tmp_path):
    model = classifier()
    export.to_onnx(model, tmp_path / "model.onnx", proven=False)
    with pytest.raises(BadInput, match=r"series has shape \[4, 6, 2\], the model takes"):
        export.prove(
            model,
            tmp_path / "model.onnx",
            examples={"series": np.zeros((4, 6, 2), np.float32)},
            say=lambda _: None,
        )


def test_what_the_documentation_shows_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    (code,) = [part for part in page.split("\n\n") if part.startswith("    import export")]
    monkeypatch.chdir(tmp_path)
    samples = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    model = keras.Sequential([keras.Input((5,), name="x"), layers.Dense(3, name="scores")])
    exec(textwrap.dedent(code), {"model": model, "samples": samples})
    shown = capsys.readouterr()
    assert shown.out.startswith("scores ")
    assert "running the file in a fresh process" in shown.err
    assert (tmp_path / "model.onnx").exists()
