"""The scanned layers against Keras' own, in float64: same weights, same results, same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models import recurrent

KINDS = ("SimpleRNN", "LSTM", "GRU")
SETTINGS = {
    "defaults": {},
    "without_bias": {"use_bias": False},
    "all_outputs": {"return_sequences": True},
    "states_too": {"return_sequences": True, "return_state": True},
    "backwards": {"return_sequences": True, "go_backwards": True},
    "zeros_where_masked": {"return_sequences": True, "zero_output_for_mask": True},
    "input_dropout": {"return_sequences": True, "dropout": 0.4, "seed": 7},
    "recurrent_dropout": {"recurrent_dropout": 0.4, "seed": 7},
}
MASKS = {
    "unmasked": None,
    "right_padded": np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool),
    "with_holes": np.array([[1, 0, 1, 1, 0], [0, 0, 1, 0, 1], [0, 1, 1, 1, 1]], bool),
}


@pytest.fixture(autouse=True)
def float64():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(3, 5, 4))


def pair(kind, samples, **settings):
    """Keras' layer and ours, with equal weights."""
    theirs = getattr(keras.layers, kind)(6, **settings)
    ours = getattr(recurrent, kind)(6, **settings)
    theirs.build(samples.shape)
    ours.build(samples.shape)
    weights = np.random.default_rng(1)
    theirs.set_weights([weights.normal(scale=0.5, size=w.shape) for w in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def results_and_gradients(layer, samples, mask, training, initial_state=None):
    """Outputs, and the gradients of a weighted sum of them by inputs, states and weights."""
    inputs = tf.constant(samples)
    states = None if initial_state is None else [tf.constant(s) for s in initial_state]
    with tf.GradientTape() as tape:
        tape.watch([inputs, *(states or [])])
        outputs = tf.nest.flatten(layer(inputs, mask=mask, training=training, initial_state=states))
        factors = [np.random.default_rng(2).normal(size=o.shape) for o in outputs]
        loss = sum(tf.reduce_sum(o * f) for o, f in zip(outputs, factors, strict=True))
    wanted = [inputs, *(states or []), *(w.value for w in layer.trainable_weights)]
    return outputs, tape.gradient(loss, wanted)


def assert_alike(theirs, ours, samples, mask=None, training=False, initial_state=None):
    expected = results_and_gradients(theirs, samples, mask, training, initial_state)
    actual = results_and_gradients(ours, samples, mask, training, initial_state)
    for ours_of, theirs_of in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(ours_of, theirs_of, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_results_and_gradients_are_keras_own(kind, settings, mask, samples):
    theirs, ours = pair(kind, samples, **settings)
    assert_alike(theirs, ours, samples, mask, training=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_to_begin_with_is_taken_and_differentiated(kind, samples):
    theirs, ours = pair(kind, samples, return_sequences=True, return_state=True)
    random = np.random.default_rng(3)
    states = [random.normal(size=(3, 6)) for _ in range(2 if kind == "LSTM" else 1)]
    mask = MASKS["with_holes"]
    assert_alike(theirs, ours, samples, mask, initial_state=states)


def test_a_gru_may_reset_before_the_product(samples):
    theirs, ours = pair("GRU", samples, reset_after=False, return_sequences=True)
    assert_alike(theirs, ours, samples, MASKS["with_holes"])


def test_a_simple_rnn_may_use_relu(samples):
    assert_alike(*pair("SimpleRNN", samples, activation="relu"), samples)


@pytest.mark.parametrize("kind", KINDS)
def test_any_other_activation_is_left_to_keras(kind, samples):
    assert_alike(*pair(kind, samples, activation="softsign"), samples)


@pytest.mark.parametrize("kind", KINDS)
def test_bidirectional_reads_both_ways(kind, samples):
    models = []
    for module in (keras.layers, recurrent):
        layer = getattr(module, kind)(6, return_sequences=True)
        models.append(keras.layers.Bidirectional(layer))
        models[-1].build(samples.shape)
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    mask = MASKS["right_padded"]
    np.testing.assert_allclose(ours(samples, mask=mask), theirs(samples, mask=mask), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_state_is_carried_from_call_to_call_and_reset(kind, samples):
    theirs, ours = pair(kind, samples, stateful=True)
    for _ in range(2):
        np.testing.assert_allclose(ours(samples), theirs(samples), rtol=1e-9)
    ours.reset_state()
    theirs.reset_state()
    np.testing.assert_allclose(ours(samples), theirs(samples), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_under_xla_with_any_length_and_is_saved(kind, samples, tmp_path):
    inputs = keras.Input((None, 4))
    outputs = getattr(recurrent, kind)(6, return_sequences=True)(inputs)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse", jit_compile=True)
    before = model.get_weights()[0]
    model.fit(samples, np.zeros((3, 5, 6)), verbose=0)
    assert np.abs(model.get_weights()[0] - before).max() > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(samples[:, :3]), model(samples[:, :3]), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_go_both_ways_through_files(kind, samples, tmp_path):
    theirs, ours = (keras.Sequential([keras.Input((5, 4)), layer]) for layer in pair(kind, samples))
    for layer in theirs.weights:
        layer.assign(layer + 0.25)
    theirs.save_weights(tmp_path / "their.weights.h5")
    ours.load_weights(tmp_path / "their.weights.h5")
    np.testing.assert_allclose(ours(samples), theirs(samples), rtol=1e-9)
    ours.save_weights(tmp_path / "our.weights.h5")
    theirs.load_weights(tmp_path / "our.weights.h5")


@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_weights_may_be_dropped_while_training(kind, samples):
    _, ours = pair(kind, samples)
    dropping = type(ours)(6, dtype="float64", weight_dropout=0.4)
    dropping.build(samples.shape)
    dropping.set_weights(ours.get_weights())
    np.testing.assert_array_equal(dropping(samples), ours(samples))
    once, again = (np.asarray(dropping(samples, training=True)) for _ in range(2))
    assert not np.allclose(once, again)
    kernel = np.ones((200, 200))
    dropped = np.asarray(dropping.weight_dropout(kernel, training=True))
    assert np.isclose(np.mean(dropped == 0), 0.4, atol=0.01)
    np.testing.assert_allclose(dropped[dropped != 0], 1 / 0.6)


@pytest.mark.parametrize("kind", KINDS)
def test_dropped_weights_have_no_gradient_and_others_more(kind):
    layer = getattr(recurrent, kind)(8, weight_dropout=0.5, dtype="float64")
    samples = np.random.default_rng(0).normal(size=(3, 5, 4))
    layer.build(samples.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(samples, training=True))
    gradient = np.asarray(tape.gradient(loss, layer.cell.recurrent_kernel.value))
    assert 0.3 < np.mean(gradient == 0) < 0.7


def test_dropping_weights_where_the_scan_cannot_be_is_refused():
    with pytest.raises(ValueError, match="weight_dropout goes with the usual activations"):
        recurrent.LSTM(4, activation="relu", weight_dropout=0.5).build((None, 3, 2))


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_is_no_further_from_float64_than_keras_own(kind, mask):
    samples = np.random.default_rng(5).normal(size=(3, 40, 16))
    mask = None if mask is None else np.repeat(mask, 8, axis=1)
    settings = {"return_sequences": True, "return_state": True}
    exact, _ = pair(kind, samples, **settings)
    rounded = pair(kind, samples, dtype="mixed_bfloat16", **settings)
    expected = tf.nest.flatten(results_and_gradients(exact, samples, mask, training=True))
    errors = []
    for layer in rounded:
        layer.set_weights(exact.get_weights())
        values = tf.nest.flatten(results_and_gradients(layer, samples, mask, training=True))
        errors.append([_distance(*two) for two in zip(values, expected, strict=True)])
    for theirs, ours in zip(*errors, strict=True):
        assert ours <= 1.2 * theirs + 1e-3


def _distance(values, expected):
    """The length of the difference, as a share of that of what was expected."""
    difference = np.asarray(tf.cast(values, tf.float64)) - np.asarray(expected)
    return np.linalg.norm(difference) / np.linalg.norm(expected)
