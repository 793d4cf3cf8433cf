"""The classifier: its settings change what they say, and nothing too large is built silently."""

import re

import keras
import numpy as np
import pytest

from keras_models import cnn
from keras_models.cnn import CNNConfig
from keras_models.data_spec import ImageSpec
from keras_models.errors import BadInput
from keras_models.training import ClassifierTraining


def spec(side=28, channels=1, classes=3):
    return ImageSpec(
        height=side,
        width=side,
        channels=channels,
        classes=tuple(map(str, range(classes))),
        sample=np.random.default_rng(0)
        .integers(0, 256, (50, side, side, channels))
        .astype(np.uint8),
    )


def built(config=None, side=28, channels=1, **training):
    return cnn.build(
        config or CNNConfig(),
        ClassifierTraining(**training),
        spec(side, channels),
        steps_per_epoch=10,
    )


def test_raw_pixels_go_in_and_logits_come_out():
    model = built()
    assert model.input.name == "image"
    assert model.input.dtype == "uint8"
    assert model.output.shape == (None, 3)
    assert model.output.dtype == "float32"


def test_valid_padding_shrinks_the_maps_and_same_keeps_them():
    def first(padding):
        return built(CNNConfig(padding=padding)).get_layer("stage1_convolution1").output.shape[1]

    assert (first("same"), first("valid")) == (28, 26)


@pytest.mark.parametrize(
    ("pooling", "layer"),
    [
        ("max", keras.layers.MaxPooling2D),
        ("average", keras.layers.AveragePooling2D),
    ],
)
def test_pooling_is_what_was_asked_for(pooling, layer):
    assert isinstance(built(CNNConfig(pooling=pooling)).get_layer("stage1_pooling"), layer)


def test_a_stem_halves_the_image_before_the_stages():
    model = built(CNNConfig(stem=4, filters=(8,)))
    assert model.get_layer("stem_convolution1").output.shape == (None, 28, 28, 4)
    assert model.get_layer("stage1_convolution1").output.shape == (None, 14, 14, 8)
    assert model.get_layer("stage1_pooling").output.shape == (None, 7, 7, 8)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("filters", ()), ("filters", (8, 0)), ("convolutions", 0), ("stem", -1), ("dropout", 1.0)],
)
def test_a_setting_out_of_range_is_named_with_its_value(setting, value):
    with pytest.raises(ValueError, match=f"^{setting} .*{re.escape(str(value))}"):
        CNNConfig(**{setting: value})


def test_the_default_fits_the_smallest_and_the_largest_images_that_we_name():
    assert built(side=8).output.shape == (None, 3)
    assert built(side=128, channels=3).output.shape == (None, 3)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_either_optimizer_takes_no_weight_decay_and_a_clipped_norm(name):
    made = spec(side=8)
    model = built(side=8, optimizer=name, weight_decay=0.0, clip_norm=1.0, average_decay=0.9)
    model.fit(made.sample[:8], np.arange(8) % 3, batch_size=8, verbose=0)
    assert np.all(np.isfinite(model.trainable_variables[0]))


def test_normalization_and_dropout_can_be_left_out():
    model = built(CNNConfig(normalization=False, dropout=0.0))
    kinds = {type(layer) for layer in model.layers}
    assert not kinds & {keras.layers.BatchNormalization, keras.layers.Dropout}


@pytest.mark.parametrize(
    "config",
    [
        CNNConfig(filters=(8,) * 5),
        CNNConfig(padding="valid", filters=(8, 8, 8)),
        CNNConfig(architecture="residual", filters=(8, 8, 8, 8)),
    ],
)
def test_images_too_small_for_the_stages_are_refused(config):
    with pytest.raises(BadInput, match="too small"):
        built(config, side=8)


@pytest.mark.parametrize("preset", cnn.PRESETS)
def test_every_preset_trains_a_step_on_its_kind_of_image(preset):
    recipe = cnn.PRESETS[preset]
    side, channels = (32, 3) if preset.startswith("cifar") else (28, 1)
    made = spec(side, channels)
    model = cnn.build(recipe.model, recipe.training, made, 10)
    before = np.array(model.trainable_variables[-1])
    model.fit(made.sample[:8], np.arange(8) % 3, batch_size=8, verbose=0)
    assert not np.array_equal(before, np.asarray(model.trainable_variables[-1]))


def test_mixed_precision_keeps_float32_logits():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = built()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output.dtype == "float32"
    assert model.get_layer("stage1_convolution1").compute_dtype == "bfloat16"


def test_smoothed_labels_raise_the_loss_of_a_sure_and_right_answer():
    logits, right = np.float32([[20.0, 0.0, 0.0]]), np.array([0])
    hard = built(label_smoothing=0.0).loss(right, logits)
    soft = built(label_smoothing=0.3).loss(right, logits)
    assert float(hard) < 1e-6 < float(soft)


def test_the_learning_rate_rises_then_falls_to_a_hundredth():
    schedule = built(epochs=10, batch_size=100, warmup_epochs=2.0, learning_rate=1.0).optimizer
    rates = [float(schedule._learning_rate(step)) for step in range(100)]
    assert rates.index(max(rates)) in (19, 20)
    assert rates[0] == pytest.approx(1 / 20)
    assert rates[-1] < 0.02


def test_weight_decay_leaves_biases_and_normalization_alone():
    model = built(weight_decay=0.1)
    decayed = {
        v.path.rsplit("/", 1)[1]
        for v in model.trainable_variables
        if model.optimizer._use_weight_decay(v)
    }
    assert decayed == {"kernel"}


def test_one_class_alone_is_refused():
    with pytest.raises(BadInput, match="only one class, '0': a classifier needs at least two"):
        cnn.build(CNNConfig(), ClassifierTraining(), spec(classes=1), steps_per_epoch=10)
