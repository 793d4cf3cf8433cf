"""Narrower numbers: smaller, held to the task's own figure, and refused where it is lost."""

import dataclasses

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from export import graphs, optimize, proof, proof_cases, quantize, source
from export.proof import Unproven
from keras_models.errors import BadInput
from serving import bundle_json
from serving.model import Model


def staged(read, folder, signatures):
    """The bundle of the first few signatures, float, as the export has it when it has proven it."""
    read = dataclasses.replace(read, signatures=read.signatures[:signatures])
    cases = proof_cases.all_cases(read)
    manifest = graphs.write(read, "model", proof_cases.stored_cases(cases), folder)
    return read, cases, manifest


@pytest.fixture(scope="module")
def text(text_run, tmp_path_factory):
    """A quantized text generator: its folder, its manifest, and the sizes of the float graphs."""
    folder = tmp_path_factory.mktemp("text")
    read, cases, manifest = staged(source.read(text_run), folder, 2)
    floats = {path.stem: path.stat().st_size for path in (folder / "onnx").iterdir()}
    manifest = quantize.with_numbers(manifest, read, folder, cases, "int8")
    return folder, graphs.write_manifest(manifest, folder), floats


def test_a_text_generator_loses_less_than_a_hundredth_of_its_bits(text):
    _, manifest, _ = text
    for signature in manifest.signatures:
        quantized = signature.quantized
        assert (quantized.figure, quantized.method) == ("bits per character", "dynamic")
        assert 1 < quantized.before < 6
        assert quantized.before != quantized.after <= 1.01 * quantized.before
    whole, step = (signature.quantized.before for signature in manifest.signatures)
    assert whole == pytest.approx(step, rel=1e-4)  # the same text, at once and step by step


def test_its_graphs_are_smaller_by_half_and_their_weights_are_integers(text):
    folder, _, floats = text
    for path in (folder / "onnx").iterdir():
        assert path.stat().st_size < 0.5 * floats[path.stem]
        large = [one for one in onnx.load(path).graph.initializer if np.prod(one.dims) > 512]
        assert large
        assert {one.data_type for one in large} <= {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}


def test_the_bundle_says_so_and_is_verified_by_it(text):
    folder, manifest, _ = text
    assert bundle_json.read(folder) == manifest
    assert "serving_default: int8 weights (dynamic), bits per" in (folder / "README.md").read_text()
    model = Model(folder, manifest)
    assert model.check_golden().faults == ()
    assert {proof.runtime for proof in model.check_golden().proofs} == {"onnx int8"}
    spoilt = [
        dataclasses.replace(one, quantized=_with_error(one, 1e-6)) for one in manifest.signatures
    ]
    faults = Model(folder, dataclasses.replace(manifest, signatures=tuple(spoilt))).check_golden()
    assert "onnx int8 serving_default: root-mean-square error" in faults.faults[0]


def _with_error(signature, error):
    return dataclasses.replace(signature.quantized, error=error)


def test_what_loses_more_is_refused_with_both_figures(text_run, tmp_path, monkeypatch):
    read, cases, manifest = staged(source.read(text_run), tmp_path, 1)
    monkeypatch.setitem(quantize.MOST_LOSS, "int8", -0.5)
    with pytest.raises(Unproven, match=r"bits per character \d\.\d+ instead of \d\.\d+"):
        quantize.with_numbers(manifest, read, tmp_path, cases, "int8")


def test_a_classifier_with_convolutions_is_calibrated_and_held_to_its_accuracy(
    digits_run, tmp_path
):
    read, cases, manifest = staged(source.read(digits_run), tmp_path, 1)
    before = (tmp_path / "onnx" / "serving_default.onnx").stat().st_size
    (signature,) = quantize.with_numbers(manifest, read, tmp_path, cases, "int8").signatures
    assert (signature.quantized.figure, signature.quantized.method) == ("accuracy", "static")
    assert signature.quantized.after >= 0.99 * signature.quantized.before > 0.9
    assert (tmp_path / "onnx" / "serving_default.onnx").stat().st_size < 0.5 * before


def test_a_model_of_unknown_making_needs_examples(tmp_path):
    x = keras.Input((32,), name="x")
    model = keras.Model(x, layers.Dense(2, name="y")(layers.Dense(200, activation="relu")(x)))
    model.save(tmp_path / "model.keras")
    samples = np.random.default_rng(0).normal(size=(40, 32)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=samples)
    drawn = source.read(tmp_path / "model.keras")
    with pytest.raises(BadInput, match="--examples"):
        quantize.with_numbers(*staged_for(drawn, tmp_path / "drawn"), "int8")
    given = source.read(tmp_path / "model.keras", tmp_path / "x.npz")
    (signature,) = quantize.with_numbers(*staged_for(given, tmp_path / "given"), "int8").signatures
    assert signature.quantized.figure == "agreement"
    assert 0.99 < signature.quantized.after < signature.quantized.before <= 1


def staged_for(read, folder):
    folder.mkdir()
    read, cases, manifest = staged(read, folder, 1)
    return manifest, read, folder, cases


@pytest.mark.parametrize(
    ("numbers", "method", "stored"),
    [("float16", "everything", "FLOAT16"), ("bfloat16", "weights", "BFLOAT16")],
)
def test_sixteen_bits_are_half_the_size_and_keep_the_accuracy(
    numbers, method, stored, digits_run, tmp_path
):
    read, cases, manifest = staged(source.read(digits_run), tmp_path, 1)
    path = tmp_path / "onnx" / "serving_default.onnx"
    before = path.stat().st_size
    manifest = quantize.with_numbers(manifest, read, tmp_path, cases, numbers)
    manifest = graphs.write_manifest(manifest, tmp_path)
    (signature,) = manifest.signatures
    narrower = signature.quantized
    assert (narrower.numbers, narrower.method, narrower.figure) == (numbers, method, "accuracy")
    assert path.stat().st_size < 0.6 * before
    kinds = {one.data_type for one in onnx.load(path).graph.initializer if np.prod(one.dims) > 256}
    assert kinds == {getattr(onnx.TensorProto, stored)}
    model = Model(tmp_path, bundle_json.read(tmp_path))
    assert {proof.runtime for proof in model.check_golden().proofs} == {f"onnx {numbers}"}
    assert model.check_golden().faults == ()
    assert f"serving_default: {numbers}" in (tmp_path / "README.md").read_text()


def test_an_optimized_graph_is_onnx_with_fewer_operators_and_proves_to_compute_the_same(
    digits_run, tmp_path
):
    read, cases, manifest = staged(source.read(digits_run), tmp_path, 1)
    path = tmp_path / "onnx" / "serving_default.onnx"
    declared = onnx.load(path).graph.input, onnx.load(path).graph.output
    manifest = graphs.write_manifest(optimize.optimized(manifest, tmp_path), tmp_path)
    (signature,) = manifest.signatures
    graph = onnx.load(path).graph
    assert len(graph.node) == signature.optimized.after <= signature.optimized.before
    assert {node.domain for node in graph.node} == {""}
    assert (graph.input, graph.output) == declared
    assert proof.prove(read, cases, tmp_path, lambda _: None)
