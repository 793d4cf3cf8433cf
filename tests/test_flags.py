"""The flags of `keras-train`: a new one is a decision, not an accident."""

import dataclasses

import pytest

import keras_models
from keras_models.training import (
    ClassifierTraining,
    GANTraining,
    ImageTraining,
    TextTraining,
    Training,
)
from train.settings import RUNS, ImageRun, Run, TextRun, parse

RUN = "data deterministic precision run seed"
TRAINING = (
    "average_decay batch_size beta_1 beta_2 clip_norm epochs jit learning_rate momentum optimizer "
    "patience schedule steps_per_execution warmup_epochs weight_decay"
)
FLAGS = {
    Run: RUN,
    ImageRun: f"{RUN} image_size skip_bad",
    TextRun: RUN,
    Training: TRAINING,
    ImageTraining: f"{TRAINING} flip",
    ClassifierTraining: f"{TRAINING} erase flip label_smoothing rotate scale shift",
    GANTraining: f"{TRAINING} augmentations class_weight discriminator_rate flip gradient_penalty "
    "judge loss "
    "measure_every penalize_fake penalty_every",
    TextTraining: f"{TRAINING} window",
}
FAMILIES = {
    "cnn": "activation architecture convolutions dropout filters flatten kernel_size mirrored "
    "normalization padding pooling stem units",
    "gan": "coarsest discriminator_filters dropout embedding generator_filters kernel_size latent "
    "normalization patch residuals slope spectral unconditional upsampling",
    "text": "activation cell dropout embedding layers tied units weight_dropout",
}


def names(cls):
    return {field.name for field in dataclasses.fields(cls)}


@pytest.mark.parametrize("record", FLAGS, ids=lambda record: record.__name__)
def test_runs_and_trainings_have_these_flags_and_no_others(record):
    assert names(record) == set(FLAGS[record].split())


@pytest.mark.parametrize("family", keras_models.FAMILIES)
def test_a_familys_flags_are_its_own_and_their_names_are_unique(family):
    preset = next(iter(keras_models.get(family).presets.values()))
    config, training = names(type(preset.model)), names(type(preset.training))
    run = names(RUNS[keras_models.get(family).reads])
    assert config == set(FAMILIES[family].split())
    assert not config & (run | training)
    assert not run & training


def test_a_flag_overrides_its_preset_and_the_rest_stays(tmp_path):
    preset = keras_models.get("cnn").presets["mnist"]
    asked = parse(["cnn", "--preset", "mnist", "--run", str(tmp_path), "--epochs", "3", "--jit"])
    assert asked.settings.training == dataclasses.replace(preset.training, epochs=3, jit=True)
    assert asked.settings.model == preset.model
