"""Channels are turned where convolutions begin and where they end, and not between."""

import keras
import pytest
from keras import layers, ops

from tests.export.exported import kinds_of


def turns_of(inputs, outputs, path):
    return kinds_of(keras.Model(inputs, outputs), path / "model.onnx").count("Transpose")


@pytest.mark.parametrize("size", [8, None])
@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("pool", ["Average", "Max"])
def test_past_squeeze_and_excitation(size, keeps, pool, tmp_path):
    image = keras.Input((size, size, 3))
    x = layers.Conv2D(8, 3)(image)
    for _ in range(2):
        y = layers.Conv2D(8, 3, padding="same", activation="silu")(x)
        z = getattr(layers, f"Global{pool}Pooling2D")(keepdims=keeps)(y)
        z = layers.Dense(8, activation="sigmoid")(layers.Dense(2, activation="relu")(z))
        x = x + y * layers.Reshape((1, 1, 8))(z)
    assert turns_of(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)), tmp_path) == 1


def test_past_attention_over_channels_and_places(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(image)
    x = x * layers.Dense(4, activation="sigmoid")(ops.mean(x, axis=(1, 2), keepdims=True))
    pooled = layers.Concatenate()([ops.mean(x, -1, keepdims=True), ops.max(x, -1, keepdims=True)])
    x = x * layers.Conv2D(1, 3, padding="same", activation="sigmoid")(pooled)
    assert turns_of(image, layers.Conv2D(2, 3)(x), tmp_path) == 2


def test_past_a_choice_between_channels(tmp_path):
    image = keras.Input((None, None, 3))
    x = ops.softmax(layers.Conv2D(4, 3)(image), axis=-1) ** 2
    assert (
        turns_of(image, layers.Conv2D(2, 3)(x / ops.sum(x, axis=-1, keepdims=True)), tmp_path) == 2
    )


def test_past_what_is_learned_for_each_channel_and_each_place(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.PReLU(alpha_initializer="uniform")(layers.Conv2D(4, 3)(image))
    x = layers.PReLU(alpha_initializer="uniform", shared_axes=[1, 2])(x)
    assert turns_of(image, layers.Conv2D(2, 3)(x), tmp_path) == 2


@pytest.mark.parametrize("rank", [1, 3])
def test_in_one_and_in_three_dimensions(rank, tmp_path):
    convolution, pool = (
        getattr(layers, f"{one}{rank}D") for one in ("Conv", "GlobalAveragePooling")
    )
    x = series = keras.Input((6,) * rank + (3,))
    for _ in range(2):
        x = convolution(4, 3, padding="same")(x)
        x = x * layers.Dense(4, activation="sigmoid")(pool(keepdims=True)(x))
    assert turns_of(series, convolution(2, 3)(x), tmp_path) == 2


def test_what_is_given_in_between_is_turned_once(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3)(image)
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    maps = layers.Multiply(name="maps")([x, gate])
    model = keras.Model(image, {"maps": maps, "end": layers.Conv2D(2, 3, name="end")(maps)})
    assert kinds_of(model, tmp_path / "model.onnx").count("Transpose") == 3


def test_a_mean_over_what_was_turned_has_its_axes_in_the_old_order(tmp_path):
    image = keras.Input((6, 7, 3))
    x = layers.Permute((3, 1, 2))(image)  # channels, rows, columns
    x = ops.mean(x, axis=1) + ops.sum(layers.Permute((2, 3, 1))(x), axis=3)
    assert turns_of(image, x, tmp_path) == 0


def test_past_paddings_between_gated_convolutions(tmp_path):
    series = keras.Input((None, 2))
    x = layers.Conv1D(4, 2, padding="causal")(series)
    for rate in (1, 2):
        gates = layers.Conv1D(8, 2, dilation_rate=rate, padding="causal")(x)
        tanh, sigmoid = ops.split(gates, 2, axis=-1)
        x = x + layers.Conv1D(4, 1)(ops.tanh(tanh) * ops.sigmoid(sigmoid))
    assert turns_of(series, layers.Conv1D(3, 1)(ops.relu(x)), tmp_path) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda x: ops.concatenate(ops.split(x, 2, axis=-1)[::-1], axis=-1),
        lambda x: ops.concatenate(ops.split(x, 2, axis=1)[::-1], axis=2),
        lambda x: x[:, 1:-1, ::2, 1:3],
        lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0)), mode="reflect"),
        lambda x: ops.tile(x, (1, 2, 1, 3)),
        lambda x: ops.image.resize(x, (5, 9), interpolation="bilinear"),
        lambda x: ops.where(x > 0.5, x, x[:, :, :1]),
    ],
    ids=["channels", "rows", "cut", "padded", "repeated", "resized", "chosen"],
)
def test_past_what_is_done_along_axes(change, tmp_path):
    image = keras.Input((6, 8, 3))
    x = change(layers.Conv2D(4, 3, padding="same")(image))
    assert turns_of(image, layers.Conv2D(2, 3)(x), tmp_path) == 2


def test_past_a_resizing_to_the_size_of_other_maps(tmp_path):
    class Like(keras.Layer):
        def call(self, maps, other):
            return ops.image.resize(maps, ops.shape(other)[1:3], interpolation="nearest")

        def compute_output_shape(self, maps_shape, other_shape):
            return (*other_shape[:-1], maps_shape[-1])

    image = keras.Input((None, None, 3))
    fine = layers.Conv2D(4, 3, padding="same")(image)
    coarse = layers.Conv2D(4, 3, strides=2, padding="same")(fine)
    x = fine + Like()(coarse, fine)
    assert turns_of(image, layers.Conv2D(2, 3, padding="same")(x), tmp_path) == 2


@pytest.mark.parametrize("size", [8, None])
def test_past_a_cut_whose_bounds_are_of_32_bits(size, tmp_path):
    image = keras.Input((size, size, 3))
    x = layers.ZeroPadding2D(((1, 0), (0, 1)))(layers.Conv2D(4, 3, activation="relu")(image))
    x = x[:, :-1, 1:] * 2.0
    assert turns_of(image, layers.Conv2D(2, 3)(x), tmp_path) == 2
