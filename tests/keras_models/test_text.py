"""The text family: the state it carries while it learns, and what it makes of prompts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_models
from keras_models import text_generation
from keras_models.data_spec import TextSpec
from keras_models.family import Examples
from keras_models.text import TextConfig, build
from keras_models.text_figures import measure
from keras_models.text_network import Network
from keras_models.training import TextTraining

SPEC = TextSpec(vocabulary=("\n", *"abcdefgh"))
CELLS = ("lstm", "gru", "rnn")


def model_of(cell="lstm", *, tied=False, activation="tanh", **training):
    keras.utils.set_random_seed(1)
    config = TextConfig(
        cell=cell, units=12, layers=2, embedding=6, tied=tied, activation=activation
    )
    numbers = {"batch_size": 3, "window": 10, "schedule": "constant", "warmup_epochs": 0}
    return build(config, TextTraining(**{**numbers, **training}), SPEC, 4)


def text(rows, length, seed=0):
    return np.random.default_rng(seed).integers(16, SPEC.tokens, (rows, length)).astype(np.int32)


def windows(tokens, width):
    """The windows of some rows as a data set, and what follows each token."""
    following = np.roll(tokens, -1, axis=1)
    pieces = [np.stack(np.split(each, each.shape[1] // width, 1)) for each in (tokens, following)]
    return tf.data.Dataset.from_tensor_slices(tuple(pieces)), following


@pytest.mark.parametrize("cell", CELLS)
def test_reading_in_windows_is_reading_at_once(cell):
    model, tokens = model_of(cell), text(3, 40)
    dataset, following = windows(tokens, 10)
    whole = np.asarray(model(tokens))
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(following, whole)
    for _ in range(2):  # a second time begins from zeros again
        assert model.evaluate(dataset, verbose=0)[0] == pytest.approx(
            float(np.mean(nats)), rel=1e-5
        )


@pytest.mark.parametrize("cell", CELLS)
def test_training_carries_the_state_and_forgets_it_at_an_epochs_beginning(cell):
    # So slowly that the weights stay, and only the state moves.
    model, tokens = model_of(cell, learning_rate=1e-12), text(3, 40)
    dataset, _ = windows(tokens, 10)
    model.fit(dataset, epochs=2, verbose=0, shuffle=False)
    _, expected = Network.of(model)(tokens)
    for carried, state in zip(model.carried.tensors(), expected, strict=True):
        np.testing.assert_allclose(carried, state, rtol=1e-4, atol=1e-6)


def test_gradients_are_clipped_by_their_global_norm():
    model, tokens = (
        model_of(clip_norm=1e-6, optimizer="sgd", momentum=0.0, learning_rate=1.0),
        text(3, 10),
    )
    before = model.get_weights()
    model.fit(windows(tokens, 10)[0], verbose=0, shuffle=False)
    squares = [
        np.sum((new - old) ** 2) for new, old in zip(model.get_weights(), before, strict=True)
    ]
    assert np.sqrt(sum(squares[:-4])) == pytest.approx(1e-6, rel=0.2)  # the last are states


@pytest.fixture
def precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"], indirect=True)
@pytest.mark.parametrize("tied", [False, True])
def test_it_learns_a_text_that_repeats(tied, precision):
    model = model_of("gru", tied=tied, jit=True, learning_rate=0.02)
    has_gpu = bool(tf.config.list_logical_devices("GPU"))
    assert model.jit_compile is (has_gpu or precision == "float32")
    tokens = np.tile(text(1, 8), (3, 20))
    dataset, _ = windows(tokens, 20)
    before = model.evaluate(dataset, verbose=0)[0]
    for _ in range(12):
        model.fit(dataset, verbose=0, shuffle=False)
    assert model.evaluate(dataset, verbose=0)[0] < 0.3 * before


def test_a_relu_network_begins_as_the_identity():
    layer = Network.of(model_of("rnn", activation="relu")).recurrent[0]
    np.testing.assert_array_equal(layer.cell.recurrent_kernel, np.eye(12))
    with pytest.raises(ValueError, match="activation relu is for --cell rnn, not gru"):
        TextConfig(cell="gru", activation="relu")


def test_tied_logits_come_from_the_embedding():
    counted = {tied: model_of(tied=tied).count_params() for tied in (False, True)}
    assert counted[True] < counted[False]
    assert "logits" not in [layer.name for layer in model_of(tied=True).layers]


def test_what_is_saved_loads_without_our_code_being_named(tmp_path):
    model = model_of()
    plain = keras.Model(model.input, model.output)
    plain.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(text(2, 9)), model(text(2, 9)), rtol=1e-6)


def test_bits_and_perplexity_are_of_characters():
    model, tokens = model_of(), text(1, 700)
    examples = Examples(inputs={"tokens": tokens[:, :-1]}, answers=tokens[:, 1:], spec=SPEC)
    figures = measure(model, examples)
    logits = np.asarray(model(tokens[:, :-1]))
    nats = float(np.mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tokens[:, 1:], logits)))
    assert figures["nats_per_character"] == pytest.approx(nats, rel=1e-5)
    assert figures["bits_per_character"] == pytest.approx(nats / np.log(2), rel=1e-5)
    assert figures["perplexity"] == pytest.approx(np.exp(nats), rel=1e-5)


def signature(model, name):
    (found,) = (s for s in keras_models.get("text").signatures(model, SPEC) if s.name == name)
    return found


def numbers(length, temperature=1.0, top_k=0, top_p=1.0, seed=0):
    return {
        "length": tf.constant(length),
        "temperature": tf.constant(temperature),
        "top_k": tf.constant(top_k),
        "top_p": tf.constant(top_p),
        "seed": tf.constant(seed, tf.int64),
    }


@pytest.mark.parametrize("cell", CELLS)
def test_a_prompt_in_a_batch_of_longer_ones_is_gone_on_with_as_if_alone(cell):
    generate = signature(model_of(cell), "generate").function
    prompts = text(1, 9), text(1, 4, seed=2)
    together = np.full((2, 9), -1, np.int32)
    together[0], together[1, :4] = prompts[0], prompts[1]
    both = generate(prompt=tf.constant(together), **numbers(20))["tokens"].numpy()
    first = generate(prompt=tf.constant(prompts[0]), **numbers(20))["tokens"].numpy()
    np.testing.assert_array_equal(both[:1], first)
    greedy = [
        generate(prompt=tf.constant(prompt), **numbers(20, temperature=0.0))["tokens"].numpy()[-1]
        for prompt in (together, prompts[1])
    ]
    np.testing.assert_array_equal(*greedy)


def test_the_seed_decides_and_a_longer_text_begins_like_a_shorter():
    generate = signature(model_of(), "generate").function
    prompt = tf.constant(text(2, 5))
    texts = {
        (length, seed): generate(prompt=prompt, **numbers(length, seed=seed))["tokens"].numpy()
        for length, seed in ((30, 7), (30, 8), (12, 7))
    }
    np.testing.assert_array_equal(texts[30, 7][:, :12], texts[12, 7])
    assert np.mean(texts[30, 7] != texts[30, 8]) > 0.5


def test_each_row_draws_its_own_numbers():
    generate = signature(model_of(), "generate").function
    tokens = generate(prompt=tf.constant(np.tile(text(1, 5), (4, 1))), **numbers(40))["tokens"]
    assert len({row.tobytes() for row in tokens.numpy()}) == 4


def test_ties_are_the_choices_that_a_hairs_breadth_decides():
    network = Network.of(model_of())
    prompt = text(50, 6)
    settings = {name: value.numpy() for name, value in numbers(60, seed=3).items()}
    wanted = text_generation.Wanted(**numbers(60, seed=3))
    tokens = text_generation.generate(network, tf.constant(prompt), wanted).numpy()
    tied = text_generation.ties(network, prompt, tokens, settings)
    assert tied.shape == tokens.shape
    # Nine likely tokens have about nine borders, each 2e-5 wide: some 0.02 % of the choices.
    assert np.mean(tied) < 0.002


def test_steps_are_the_text_one_token_at_a_time():
    model, tokens = model_of("lstm"), text(2, 7)
    step = signature(model, "step")
    states = {t.name: tf.zeros((2, t.shape[1])) for t in step.inputs[1:]}
    for place in range(7):
        answers = step.function(token=tf.constant(tokens[:, place]), **states)
        states = {name: answers[f"next_{name}"] for name in states}
    np.testing.assert_allclose(answers["logits"], model(tokens)[:, -1], rtol=1e-5, atol=1e-6)


def test_strings_in_strings_out():
    model = model_of()
    answer = signature(model, "generate_text").function(
        prompt=tf.constant(["abc", "", "ü is unknown"]), **numbers(25)
    )
    assert [len(one) for one in answer["text"].numpy()] != [0, 0, 0]
    assert all(isinstance(one.decode(), str) for one in answer["text"].numpy())
