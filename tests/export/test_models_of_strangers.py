"""What models from tutorials, examples and competitions were refused for, or answered wrongly."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from keras import layers, ops

import export
from export import drawn, onnx_file, own_signature
from keras_models.errors import BadInput


class Of(layers.Layer):
    """Computes a function of its inputs."""

    def __init__(self, function, **settings):
        super().__init__(**settings)
        self.function = function

    def call(self, *inputs):
        return self.function(*inputs)


def of(function, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    return keras.Model(inputs, Of(function)(*inputs))


def spectrum(wave):
    """TensorFlow's tutorial on audio."""
    return tf.abs(tf.signal.stft(wave, frame_length=64, frame_step=32))


def cepstrum(wave):
    power = ops.abs(tf.signal.stft(wave, 64, 32))
    return tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(power + 1e-6))[..., :8]


def turned(wave):
    x = tf.signal.fft(tf.complex(wave, -wave))[..., :5] * tf.exp(tf.complex(0.0, wave[..., :5]))
    return tf.math.angle(x), tf.math.imag(tf.signal.ifft(tf.math.conj(x)))


def attention_over_images(x):
    """A diffusion model's, which names its axes h and H."""
    scores = ops.reshape(ops.einsum("bhwc,bHWc->bhwHW", x, x), (-1, 4, 3, 12))
    scores = ops.reshape(ops.softmax(scores), (-1, 4, 3, 4, 3))
    return ops.einsum("bhwHW,bHWc->bhwc", scores, x)


def light_through(density):
    """A radiance field's."""
    seen = tf.math.cumprod(1.0 - tf.sigmoid(density), axis=1, exclusive=True)
    return seen + ops.cumprod(ops.flip(density, 1), 1) + tf.math.cumprod(density, 1, reverse=True)


def written(cache, new):
    """A cache of keys, in which one step is written."""
    at = ops.cast(ops.sum(new) * 9, "int32")  # may lie outside
    return ops.slice_update(cache, (0, at, 0), new)


def patches(x):
    sizes = {"sizes": [1, 3, 2, 1], "strides": [1, 2, 1, 1], "rates": [1, 1, 2, 1]}
    return tf.image.extract_patches(x, **sizes, padding="SAME")


def seen_from(interpolation, mode):
    def function(x, coefficients):
        size = np.array([0.3, 0.3, 4, 0.3, 0.3, 4, 0.02, 0.02], np.float32)
        return ops.image.affine_transform(x, coefficients * size, interpolation, mode, 0.5)

    return function


MODELS = {
    "spectrum": lambda: of(spectrum, (300,)),
    "cepstrum": lambda: of(cepstrum, (300,)),
    "turned": lambda: of(turned, (16,)),
    "attention": lambda: of(attention_over_images, (4, 3, 5)),
    "light": lambda: of(light_through, (7, 2)),
    "light_of_any_length": lambda: of(light_through, (None, 2)),
    "written": lambda: of(written, (6, 4), (1, 4)),
    "patches": lambda: of(patches, (8, 9, 3)),
    "projected": lambda: of(seen_from("bilinear", "reflect"), (8, 7, 2), (8,)),
    "projected_constant": lambda: of(seen_from("nearest", "constant"), (8, 7, 2), (8,)),
    "projected_wrap": lambda: of(seen_from("nearest", "wrap"), (8, 7, 2), (8,)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_function_of_another_kind_answers_as_keras_does(name, tmp_path):
    model = MODELS[name]()
    signature = own_signature.signature_of(model)
    onnx_file.write(signature, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for batch in (3, 1):
        inputs = drawn.draw(
            np.random.default_rng(batch), signature, drawn.lengths(signature, batch, 5), {}
        )
        for answer, expected in zip(
            session.run(None, inputs), signature.function(**inputs).values(), strict=True
        ):
            assert answer.shape == tuple(expected.shape)
            np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=2e-5)


def test_a_product_of_many_axes_is_one_operator(tmp_path):
    image = keras.Input((4, 3, 5))
    model = keras.Model(image, layers.MultiHeadAttention(2, 3)(image, image))
    onnx_file.write(own_signature.signature_of(model), tmp_path / "model.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert len(kinds) < 30
    assert "Shape" not in kinds


def u_net():
    """Takes images whose sides are multiples of four, and does not say so."""
    image = keras.Input((None, None, 1), name="image")
    above = layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    x = layers.MaxPooling2D(4)(above)
    x = layers.concatenate([layers.UpSampling2D(4)(x), above])
    return keras.Model(image, layers.Conv2D(1, 1, name="mask")(x))


def classifier_of_pixels():
    """Fresh weights behind a Rescaling: all classes are nearly as likely, whatever is shown."""
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Flatten()(layers.Conv2D(8, 3)(layers.Rescaling(1 / 255)(image)))
    scores = layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(0, 1e-6))(x)
    return keras.Model(image, layers.Softmax()(scores))


def logarithmic_spectrum():
    """Of what is constant it is the logarithm of rounding errors."""
    wave = keras.Input((None,), name="wave")
    return keras.Model(wave, Of(lambda x: ops.log(spectrum(x) ** 2 + 1e-3))(wave))


def bilinear_u_net():
    """Keras 3.15 itself cannot trace an upsampling of images of any size."""
    image = keras.Input((None, None, 1), name="image")
    x = layers.MaxPooling2D(2)(layers.Conv2D(3, 3, padding="same")(image))
    return keras.Model(image, layers.UpSampling2D(2, interpolation="bilinear")(x))


def turns_of_what_repeats():
    """Looks for where a series repeats itself; one that is padded does so nowhere."""

    def repeated(x):
        real, imaginary = ops.rfft(x)
        found = ops.irfft((real**2 + imaginary**2, 0 * real), fft_length=16)
        _, shift = ops.top_k(found[:, 1:], 1)
        return ops.take_along_axis(x, (ops.arange(16)[None] + shift) % 16, axis=1)

    return of(repeated, (16,))


MADE = [u_net, bilinear_u_net, turns_of_what_repeats, classifier_of_pixels, logarithmic_spectrum]


@pytest.mark.parametrize("make", MADE)
def test_what_is_right_is_proven(make, tmp_path):
    keras.utils.set_random_seed(0)
    assert export.to_onnx(make(), tmp_path / "model.onnx", say=lambda step: None)


def test_an_outputs_sides_have_the_names_of_an_images_that_must_be_multiples_of_something():
    (mask,) = own_signature.signature_of(u_net()).outputs
    assert mask.shape == ("batch", "height", "width", 1)


def test_inputs_that_must_be_equally_long_share_a_name():
    ids, mask, other = (keras.Input((None,), name=n) for n in ("ids", "mask", "other"))
    x = layers.Embedding(9, 4)(ids) * ops.expand_dims(mask, -1)
    model = keras.Model([ids, mask, other], [ops.sum(x, -1), ops.sum(other, -1)])
    shapes = [one.shape for one in own_signature.signature_of(model).inputs]
    assert shapes == [("batch", "ids_time"), ("batch", "ids_time"), ("batch", "other_time")]


class OfIds(keras.Model):
    """Takes integers alone; Keras saves no type of what it was called on."""

    def call(self, ids):
        return ops.take(ops.convert_to_tensor(np.eye(5, dtype=np.float32)), ids, axis=0)


def test_a_model_that_takes_integers_alone_is_given_some():
    model = OfIds()
    model(np.zeros((2, 3), np.int32))
    (ids,) = own_signature.signature_of(model).inputs
    assert ids.dtype == "int32"


def test_a_penalty_on_answers_is_of_training_alone(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(3, activity_regularizer="l2")(x))
    onnx_file.write(own_signature.signature_of(model), tmp_path / "model.onnx")
    assert model.layers[1].activity_regularizer is not None


def test_the_scores_of_attention_are_as_long_as_they_are():
    q, v = keras.Input((3, 4), name="q"), keras.Input((5, 4), name="v")
    _, scores = layers.MultiHeadAttention(2, 2)(q, v, return_attention_scores=True)
    (found,) = own_signature.signature_of(keras.Model([q, v], scores)).outputs
    assert found.shape == ("batch", 2, 3, 5)


def test_what_draws_at_inference_is_refused_as_that(tmp_path):
    x = keras.Input((4,))
    noisy = Of(lambda one: one + keras.random.normal(ops.shape(one), seed=generator), name="noise")
    generator = keras.random.SeedGenerator(1)
    with pytest.raises(BadInput, match=r"noise \(Of\) draws random numbers at inference"):
        onnx_file.write(own_signature.signature_of(keras.Model(x, noisy(x))), tmp_path / "m.onnx")


def test_a_model_that_keras_itself_cannot_call_is_refused_with_its_reason(tmp_path):
    x = keras.Input((None, 4))
    halved = layers.Conv1D(8, 1, activation="glu")(x)  # Keras declares 8 channels, and gives 4
    model = keras.Model(x, layers.DepthwiseConv1D(3)(halved))
    with pytest.raises(BadInput, match=r"Keras itself cannot call .* expected axis -1"):
        export.to_onnx(model, tmp_path / "model.onnx", say=lambda step: None)
