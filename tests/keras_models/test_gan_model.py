"""How two networks train each other: one step does what two plain ones would do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.data_spec import ImageSpec
from keras_models.gan import GANConfig, build
from keras_models.gan_losses import LOSSES
from keras_models.gan_model import TRAINING
from keras_models.pixels import as_floats, as_pixels
from keras_models.training import GANTraining

SPEC = ImageSpec(height=8, width=8, channels=1, classes=("a", "b", "c"))
SMALL = GANConfig(
    latent=6, embedding=4, generator_filters=(8,), discriminator_filters=(6, 8), coarsest=4
)
NUMBERS = {"schedule": "constant", "warmup_epochs": 0, "learning_rate": 1e-3, "beta_1": 0.0}


def model_of(config=SMALL, **training):
    keras.utils.set_random_seed(1)
    return build(config, GANTraining(**{**NUMBERS, **training}), SPEC, 10)


def batch(count=5):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)
    return tf.constant(images), tf.constant(random.integers(0, 3, count))


def plainly(model, images, labels, weight):
    """Both networks' gradients as anybody would write them down: two losses, two gradients."""
    rules, labels = model.rules, tf.cast(labels, tf.int32)
    latent = model._latent(tf.shape(images)[0], model._seed(0, TRAINING))
    with tf.GradientTape(persistent=True) as tape:
        fake = model.generator([latent, labels])
        shown = [as_floats(images), fake]
        with tf.GradientTape() as inner:
            inner.watch(shown)
            logits = [model.discriminator([one, labels]) for one in shown]
        slopes = inner.gradient(logits, shown)
        by_judge, by_maker = map(tf.reduce_mean, LOSSES[rules.loss](*logits))
        penalty = sum(tf.reduce_mean(tf.reduce_sum(one**2, axis=[1, 2, 3])) for one in slopes)
        by_judge += 0.5 * weight * penalty
        if rules.class_weight:
            of_real, of_fake = (by_class(model, one, labels) for one in shown)
            by_judge += rules.class_weight * of_real
            by_maker += rules.class_weight * of_fake
    return (
        tape.gradient(by_judge, [v.value for v in model.discriminator.trainable_variables]),
        tape.gradient(by_maker, [v.value for v in model.generator.trainable_variables]),
    )


def by_class(model, images, labels):
    """Cross-entropy of the scores that the discriminator gives an image for each class."""
    layers = {layer.name: layer for layer in model.discriminator.layers}
    x = images
    for name in ("patches", "step1_convolution", "step1_rectifier", "step2_convolution"):
        x = layers[name](x)
    features = layers["features"](layers["step2_rectifier"](x))
    scores = features @ layers["class_realness"].kernel
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
    return tf.reduce_mean(losses)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("penalty", "class_weight"), [(0.0, 0.0), (0.3, 0.0), (0.3, 0.2)])
def test_one_generation_gives_the_gradients_of_two_plain_losses(loss, penalty, class_weight):
    model = model_of(
        loss=loss, gradient_penalty=penalty, penalty_every=2, class_weight=class_weight
    )
    scores = model.discriminator.get_layer("class_realness").kernel
    scores.assign(keras.random.normal(scores.shape, stddev=0.1, seed=3))
    images, labels = batch()
    by_judge, by_maker = plainly(model, images, labels, 2 * penalty)
    expected = [tf.convert_to_tensor(gradient) for gradient in (*by_judge, *by_maker)]
    found = model.gradients(images, labels)
    assert len(found) == len(expected)
    for (variable, gradient), wanted in zip(found, expected, strict=True):
        if variable.path.endswith("logit/bias") and loss == "relativistic":
            continue  # the loss itself does not say where it should be
        size = np.abs(wanted).max()
        gradient = tf.convert_to_tensor(gradient)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-3, atol=1e-4 * size + 1e-9)


def test_the_penalty_computes_nothing_again_and_multiplies_no_zeros():
    """The slopes of each convolution and their gradients; TensorFlow writes two products for each
    gradient, of which those that nobody asks for are not run.
    """
    images, labels = batch()
    counts = []
    for penalty in (0.0, 0.3):
        model = model_of(gradient_penalty=penalty)
        function = tf.function(model.gradients).get_concrete_function(images, labels)
        graph = function.graph.as_graph_def()
        nodes = [*graph.node, *(n for inner in graph.library.function for n in inner.node_def)]
        counts.append(sum(node.op.startswith("Conv2D") for node in nodes))
    convolutions, halves, gradients = 2, 2, 2
    assert counts[1] - counts[0] == 2 * gradients * convolutions * halves


def test_the_penalty_comes_every_few_steps():
    model = model_of(penalty_every=3)
    images, labels = batch()
    with_it = [tf.convert_to_tensor(g) for _, g in model.gradients(images, labels)]
    model.optimizer.iterations.assign(1)
    model.rules = type(model.rules)(loss="relativistic", gradient_penalty=1.0, penalty_every=3)
    model._seed = lambda step, stream: tf.constant([0, 0], tf.int64)
    between = [tf.convert_to_tensor(g) for _, g in model.gradients(images, labels)]
    model.rules = type(model.rules)(loss="relativistic")
    without = [tf.convert_to_tensor(g) for _, g in model.gradients(images, labels)]
    for one, other in zip(between, without, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert any(not np.allclose(one, other) for one, other in zip(with_it, between, strict=True))


def fitted(model, epochs=1):
    images, labels = batch(40)
    model.fit(images, labels, batch_size=8, epochs=epochs, verbose=0, shuffle=False)
    return model


def test_both_networks_learn_and_the_mean_lags_behind():
    model = model_of(average_decay=0.9)
    before = [w.numpy() for w in model.generator.weights + model.discriminator.weights]
    fitted(model)
    after = [w.numpy() for w in model.generator.weights + model.discriminator.weights]
    moved = [np.abs(new - old).max() for new, old in zip(after, before, strict=True)]
    assert min(moved) > 0
    pairs = zip(model.generator.weights, model.averaged.weights, before, strict=False)
    for weight, mean, first in pairs:
        lags = np.abs(mean.numpy() - first).max()
        assert 0 < lags < np.abs(weight.numpy() - first).max()


def test_logits_are_brought_to_where_their_sigmoid_is_a_probability():
    """The relativistic loss is the same for all offsets; cross-entropy has both sum to one."""
    model = model_of(learning_rate=1e-2)
    images, labels = batch(64)
    model.discriminator.get_layer("logit").bias.assign(0.4)
    before = model.evaluate(images, labels, batch_size=16, verbose=0, return_dict=True)
    assert before["probability_real"] + before["probability_fake"] > 1.8
    model.fit(images, labels, batch_size=16, epochs=30, verbose=0)
    after = model.evaluate(images, labels, batch_size=16, verbose=0, return_dict=True)
    assert after["probability_real"] + after["probability_fake"] == pytest.approx(1, abs=0.2)


def test_it_is_saved_and_goes_on_as_any_keras_model(tmp_path):
    model = fitted(model_of(average_decay=0.9, augmentations=("translation",)))
    model.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.rules == model.rules
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(loaded.averaged.weights, model.averaged.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(loaded.optimizers, model.optimizers, strict=True):
        assert int(one.iterations) == 5
        for variable, expected in zip(one.variables, other.variables, strict=True):
            np.testing.assert_array_equal(variable, expected)
    fitted(loaded)
    assert [int(one.iterations) for one in loaded.optimizers] == [10, 10]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns_with_float32_weights(precision):
    keras.config.set_dtype_policy(precision)
    try:
        model = fitted(model_of(gradient_penalty=0.1))
    finally:
        keras.config.set_dtype_policy("float32")
    assert {w.dtype for w in model.weights} == {"float32"}
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_unconditional_networks_take_no_label():
    unconditional = GANConfig(**{**vars(SMALL), "unconditional": True})
    model = fitted(model_of(unconditional, class_weight=1.0))
    assert [one.name for one in model.inputs] == ["latent", "image"]


def test_pixels_come_back_as_they_were():
    pixels = np.arange(256).reshape(1, 16, 16, 1).astype(np.uint8)
    np.testing.assert_array_equal(as_pixels(as_floats(tf.constant(pixels))), pixels)
