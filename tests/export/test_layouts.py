"""Paddings and turns of tensors that a graph does not need are gone, and nothing else changes."""

import keras
from keras import layers

from tests.export.exported import kinds_of


def test_a_causal_residual_pads_in_its_convolutions_and_turns_twice(tmp_path):
    series = keras.Input((None, 3))
    x = series
    for dilation in (1, 2, 4):
        y = layers.Conv1D(4, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
        x = layers.Add()([layers.Conv1D(4, 1)(x), y])
    kinds = kinds_of(keras.Model(series, x), tmp_path / "model.onnx")
    assert "Pad" not in kinds
    assert kinds.count("Transpose") == 2


def test_zeros_around_join_the_padding_that_a_convolution_has(tmp_path):
    image = keras.Input((8, 7, 3))
    x = layers.Conv2D(4, 3, strides=2)(layers.ZeroPadding2D(((0, 1), (2, 1)))(image))
    x = layers.Conv2D(2, 3, padding="same")(layers.ZeroPadding2D(1)(x))
    assert "Pad" not in kinds_of(keras.Model(image, x), tmp_path / "model.onnx")


def test_zeros_before_a_maximum_stay(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.Conv2D(4, 3)(image)))
    assert "Pad" in kinds_of(keras.Model(image, x), tmp_path / "model.onnx")


def test_what_is_upsampled_between_convolutions_is_turned_at_the_ends_alone(tmp_path):
    image = keras.Input((None, None, 3))
    x = layers.UpSampling2D(2)(layers.Conv2D(4, 3, padding="same")(image))
    x = layers.UpSampling2D(3, interpolation="bilinear")(layers.Conv2D(4, 3, padding="same")(x))
    x = layers.Conv2D(2, 3, padding="same")(x)
    kinds = kinds_of(keras.Model(image, x), tmp_path / "model.onnx")
    assert kinds.count("Transpose") == 2


def test_a_number_added_to_maps_without_a_bias_stops_no_turn_from_going(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, use_bias=False)(image)
    x = layers.Conv2D(4, 3, use_bias=False)(x * (x + 3.0))
    assert kinds_of(keras.Model(image, x), tmp_path / "model.onnx").count("Transpose") == 2
