"""The contract: every family goes the whole way, with what it declares being what is there."""

import dataclasses
import json

import keras
import numpy as np
import pytest

import keras_models
import serving
from keras_models.data_spec import SPECS, ImageSpec
from train.kinds import KINDS
from train.settings import RUNS, restored


@pytest.fixture(params=keras_models.FAMILIES)
def travelled(request, run_of, bundle_of):
    """A family, with a run and a bundle of it on bundled data."""
    name = request.param
    return keras_models.get(name), run_of(name), bundle_of(name)


def spec_of(family, run):
    return SPECS[family.reads].from_record(json.loads((run / "config.json").read_text())["spec"])


def of_32_pixels(spec):
    """Images large enough for every preset; a text stays as it is."""
    is_image = isinstance(spec, ImageSpec)
    return dataclasses.replace(spec, height=32, width=32) if is_image else spec


def test_what_a_family_declares_is_what_it_computes(travelled):
    family, run, _ = travelled
    model = keras.saving.load_model(run / "model.keras")
    with np.load(run / "examples.npz") as arrays:
        examples = {name: arrays[name][:3] for name in arrays.files}
    signature = family.signatures(model, spec_of(family, run))[0]
    inputs = {tensor.name: examples[tensor.name] for tensor in signature.inputs}
    lengths = {
        dimension: length
        for tensor in signature.inputs
        for dimension, length in zip(tensor.shape, inputs[tensor.name].shape, strict=True)
    }
    answers = signature.function(**inputs)
    assert [tensor.name for tensor in signature.outputs] == list(answers)
    for tensor in signature.outputs:
        value = np.asarray(answers[tensor.name])
        assert value.dtype == tensor.dtype
        assert value.shape == tuple(lengths.get(d, d) for d in tensor.shape)


def test_a_finished_run_can_be_repeated_from_its_config(travelled):
    family, run, _ = travelled
    config = json.loads((run / "config.json").read_text())
    model_type = type(next(iter(family.presets.values())).model)
    assert set(config["model"]) == {field.name for field in dataclasses.fields(model_type)}
    assert config["run"]["seed"] == 0
    assert len(config["data_fingerprint"]) == 64


def test_the_bundle_answers_what_keras_answers(travelled):
    family, run, bundle = travelled
    model = keras.saving.load_model(run / "model.keras")
    with np.load(run / "examples.npz") as arrays:
        inputs = {name: arrays[name] for name in arrays.files if name != "answer"}
    signature = family.signatures(model, spec_of(family, run))[0]
    inputs = {tensor.name: inputs[tensor.name] for tensor in signature.inputs}
    expected = signature.function(**inputs)
    answers = serving.load(bundle).predict(**inputs)
    for name, value in answers.items():
        # A pixel in the middle between two values may be rounded to either.
        allowed = 1 if value.dtype == np.uint8 else 1e-5
        np.testing.assert_allclose(value.astype(float), expected[name], atol=allowed)


def test_its_presets_build_and_its_observations_are_plain_values(travelled):
    family, run, _ = travelled
    data = KINDS[family.reads].load(RUNS[family.reads](run=run))
    model = keras.saving.load_model(run / "model.keras")
    for shown in family.observe(model, data.examples()).values():
        assert dataclasses.is_dataclass(shown)
    for preset in family.presets.values():
        keras.backend.clear_session()
        family.build(preset.model, preset.training, of_32_pixels(data.spec), 10)


def test_the_model_is_rebuilt_from_the_runs_own_settings(travelled):
    family, run, _ = travelled
    config = json.loads((run / "config.json").read_text())
    preset = next(iter(family.presets.values()))
    model = keras.saving.load_model(run / "model.keras")
    built = family.build(
        restored(type(preset.model), config["model"]),
        restored(type(preset.training), config["training"]),
        spec_of(family, run),
        10,
    )
    assert [w.shape for layer in built.layers for w in layer.weights] == [
        w.shape for w in model.weights
    ]
