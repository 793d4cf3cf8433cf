"""Tokens are chosen as often as they should be, and alike in a graph and in serving."""

import numpy as np
import pytest
import tensorflow as tf

from keras_models.sampling import sample
from serving.sampling import Sampling

LOGITS = np.log(np.float32([0.5, 0.25, 0.15, 0.1]))
SETTINGS = [
    {},
    {"temperature": 0.5},
    {"top_k": 2},
    {"top_p": 0.6},
    {"top_p": 0.0},
    {"top_k": 3, "top_p": 0.9, "temperature": 1.5},
    {"temperature": 0.0},
]
EXPECTED = [
    [0.5, 0.25, 0.15, 0.1],
    np.square([0.5, 0.25, 0.15, 0.1]) / 0.345,
    [2 / 3, 1 / 3, 0, 0],
    [2 / 3, 1 / 3, 0, 0],
    [1, 0, 0, 0],
    None,
    [1, 0, 0, 0],
]


def chosen(logits, uniform, *, temperature=1.0, top_k=0, top_p=1.0):
    """The graph's tokens for rows of logits."""
    numbers = tf.constant(temperature), tf.constant(top_k), tf.constant(top_p)
    return sample(tf.constant(logits), tf.constant(uniform), *numbers).numpy()


@pytest.mark.parametrize(("settings", "expected"), [*zip(SETTINGS, EXPECTED, strict=True)])
def test_tokens_come_as_often_as_they_are_likely(settings, expected):
    uniform = (np.arange(4000, dtype=np.float32) + 0.5) / 4000
    tokens = chosen(np.tile(LOGITS, (4000, 1)), uniform, **settings)
    shares = np.bincount(tokens, minlength=4) / 4000
    if expected is not None:
        np.testing.assert_allclose(shares, expected, atol=1e-3)
    assert np.all(np.diff(shares) <= 1e-3)


@pytest.mark.parametrize("settings", SETTINGS)
def test_serving_chooses_what_the_graph_chooses(settings):
    random = np.random.default_rng(0)
    logits = random.normal(scale=3, size=(2000, 65)).astype(np.float32)
    uniform = random.random(2000, dtype=np.float32)
    expected = chosen(logits, uniform, **settings)
    sampling = Sampling(**settings)
    actual = [sampling.choose(row, number) for row, number in zip(logits, uniform, strict=True)]
    # Numbers within the last bits of a border may fall on either side: about one in a million.
    assert np.sum(actual != expected) <= 1


@pytest.mark.parametrize("uniform", [2.0**-24, 1 - 2.0**-24])
def test_the_ends_of_the_range_choose_a_token_that_is_left(uniform):
    logits = np.float32([[-100.0, 0.0, 1.0, -100.0]])
    for top_k in (0, 1, 2):
        (token,) = chosen(logits, np.float32([uniform]), top_k=top_k)
        assert token in (1, 2)
        assert Sampling(top_k=top_k).choose(logits[0], np.float32(uniform)) == token
