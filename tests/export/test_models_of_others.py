"""Models as other people build them: exported as they are, and run beside Keras at two sizes."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers, ops

from export import drawn, onnx_file, own_signature, scaled


def transformer():
    """A causal decoder of layers, with padding, dropout and positions by a layer of its own."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = Positions(32)(layers.Embedding(30, 8, mask_zero=True)(tokens))
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 4, dropout=0.1)(y, y, use_causal_mask=True)
    x = x + layers.GroupQueryAttention(4, 2, 1, dropout=0.1)(x, x, use_causal_mask=True)
    y = layers.Dense(16, activation="gelu")(layers.RMSNormalization()(x))
    return keras.Model(tokens, layers.Dense(30, name="logits")(x + layers.Dense(8)(y)))


class Positions(layers.Layer):
    """Adds a vector for each place."""

    def __init__(self, longest):
        super().__init__()
        self.longest, self.supports_masking = longest, True

    def build(self, shape):
        self.places = self.add_weight(shape=(self.longest, shape[-1]), initializer="normal")

    def call(self, x):
        return x + self.places[: ops.shape(x)[1]]


class Leaky(layers.Layer):
    """A recurrent cell of the user's own."""

    def __init__(self, units):
        super().__init__()
        self.units = self.state_size = units
        self.dense = layers.Dense(units)

    def build(self, shape):
        self.dense.build((None, shape[-1] + self.units))

    def call(self, x, states):
        h = 0.5 * states[0] + 0.5 * ops.tanh(self.dense(ops.concatenate([x, states[0]], axis=-1)))
        return h, [h]


def custom_cell():
    x = keras.Input((None, 4), name="x")
    return keras.Model(x, layers.RNN(Leaky(5), return_sequences=True)(x))


class Inner(keras.Model):
    """A model in a model."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Dense(6, activation="silu") for _ in range(2)]

    def call(self, x):
        for part in self.parts:
            x = x + part(x)
        return {"features": x, "total": ops.sum(x, axis=-1)}


class Outer(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.inner = layers.Dense(6), Inner()

    def call(self, x, training=False):
        return self.inner(self.first(x))["total"], self.inner(self.first(x) * 0.5)


def nested_subclassed():
    model = Outer()
    model(np.zeros((2, 4), np.float32))
    return model


def scan():
    x = keras.Input((None, 4), name="x")
    return keras.Model(x, Running()(x))


class Running(layers.Layer):
    def call(self, x):
        def step(carry, value):
            carry = 0.9 * carry + value
            return carry, carry

        steps = ops.transpose(x, (1, 0, 2))
        return ops.transpose(ops.scan(step, ops.zeros_like(x[:, 0]), steps)[1], (1, 0, 2))


def audio():
    x = keras.Input((600,), name="audio")
    return keras.Model(x, layers.MelSpectrogram(fft_length=128, num_mel_bins=8)(x))


def free_sizes():
    image = keras.Input((None, None, 3), name="image")
    x = layers.Resizing(12, 10)(layers.Conv2D(4, 3, strides=2, padding="same")(image))
    return keras.Model(image, layers.GlobalMaxPooling2D()(layers.SeparableConv2D(5, 3)(x)))


def choices():
    x = keras.Input((4,), name="x")
    y = ops.where(x > 0, ops.log(x), 0.0)  # infinite, and NaN, where it is not chosen
    return keras.Model(x, {"y": y, "same": x, "again": y, "most": ops.argmax(y, axis=-1)})


def frozen_base():
    inner = keras.Input((16, 16, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, use_bias=False)(inner))
    base = keras.Model(inner, layers.GlobalAveragePooling2D()(layers.ReLU()(x)))
    base.trainable = False
    image = keras.Input((16, 16, 3), dtype="uint8", name="image")
    x = base(layers.RandomFlip()(layers.Rescaling(1 / 127.5, offset=-1)(image)), training=False)
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


def half_precision():
    x = keras.Input((9,), name="x")
    y = layers.Dense(8, activation="relu", dtype="mixed_bfloat16")(x)
    return keras.Model(x, layers.Dense(3)(layers.LayerNormalization(dtype="mixed_bfloat16")(y)))


def called_not_built():
    model = keras.Sequential([layers.Dense(5, activation="mish"), layers.Dense(2)])
    model(np.zeros((2, 3), np.float32))
    return model


def translator():
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    encoded, h, c = layers.LSTM(6, return_sequences=True, return_state=True, use_cudnn=True)(
        layers.Embedding(20, 6, mask_zero=True)(source)
    )
    decoded = layers.LSTM(6, return_sequences=True)(
        layers.Embedding(25, 6)(target), initial_state=[h, c]
    )
    joined = layers.Concatenate()([decoded, layers.Attention()([decoded, encoded])])
    return keras.Model([source, target], layers.TimeDistributed(layers.Dense(25))(joined))


MODELS = {
    one.__name__: one
    for one in (
        transformer, custom_cell, nested_subclassed, scan, audio, free_sizes, choices, frozen_base,
        half_precision, called_not_built, translator,
    )
}  # fmt: skip
LOOPED = ("custom_cell", "scan")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_another_kind_answers_as_keras_does(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    signature = own_signature.signature_of(model)
    path = tmp_path / "model.onnx"
    onnx_file.write(signature, path)
    session = onnxruntime.InferenceSession(path)
    random, sources = np.random.default_rng(0), drawn.sources(model, signature)
    for batch, length in ((4, 7), (1, 11)):
        inputs = drawn.draw(random, signature, drawn.lengths(signature, batch, length), sources)
        answers = session.run(None, inputs)
        expected = signature.function(**inputs)
        for tensor, answer in zip(signature.outputs, answers, strict=True):
            value = np.asarray(expected[tensor.name])
            assert (answer.dtype, answer.shape) == (value.dtype, value.shape)
            spread = np.ptp(np.float64(value)) or 1.0
            assert np.abs(np.float64(answer) - value).max() <= signature.tolerance * spread
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert ("Loop" in kinds) == (name in LOOPED)


def test_attention_and_normalization_are_one_operator_each(tmp_path):
    onnx_file.write(own_signature.signature_of(transformer()), tmp_path / "new.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "new.onnx").graph.node]
    wanted = ("Attention", "LayerNormalization", "RMSNormalization", "Gelu")
    assert [kinds.count(kind) for kind in wanted] == [2, 1, 1, 1]
    onnx_file.write(own_signature.signature_of(transformer()), tmp_path / "old.onnx", opset=18)
    kinds = [node.op_type for node in onnx.load(tmp_path / "old.onnx").graph.node]
    assert [kinds.count(kind) for kind in wanted] == [0, 1, 0, 0]


def test_a_frozen_base_is_given_weights_under_which_its_answers_vary():
    model = frozen_base()
    image = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3)).astype(np.uint8)
    scaled.vary(model, {"image": image})
    assert np.ptp(model.predict(image, verbose=0), axis=0).max() > 0.01
