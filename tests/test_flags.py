"""The flags of `keras-train cnn`: a new one is a decision, not an accident."""

import dataclasses

import pytest

import keras_models
from keras_models.family import Training
from train.settings import Run, parse

RUN = "data deterministic image_size precision run seed skip_bad"
TRAINING = (
    "average_decay batch_size clip_norm epochs erase flip jit label_smoothing learning_rate "
    "momentum optimizer patience rotate scale schedule shift steps_per_execution "
    "warmup_epochs weight_decay"
)
FAMILIES = {
    "cnn": "activation architecture convolutions dropout filters flatten kernel_size mirrored "
    "normalization padding pooling stem units",
}


def names(cls):
    return {field.name for field in dataclasses.fields(cls)}


def test_run_and_training_have_these_flags_and_no_others():
    assert names(Run) == set(RUN.split())
    assert names(Training) == set(TRAINING.split())


@pytest.mark.parametrize("family", keras_models.FAMILIES)
def test_a_familys_flags_are_its_own_and_their_names_are_unique(family):
    config = type(next(iter(keras_models.get(family).presets.values())).model)
    assert names(config) == set(FAMILIES[family].split())
    assert not names(config) & (names(Run) | names(Training))


def test_a_flag_overrides_its_preset_and_the_rest_stays(tmp_path):
    preset = keras_models.get("cnn").presets["mnist"]
    asked = parse(["cnn", "--preset", "mnist", "--run", str(tmp_path), "--epochs", "3", "--jit"])
    assert asked.settings.training == dataclasses.replace(preset.training, epochs=3, jit=True)
    assert asked.settings.model == preset.model
