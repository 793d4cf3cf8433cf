"""Every string round-trips, in Python, in TensorFlow and in serving alike."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_models import characters, text_strings
from serving import characters as served
from serving.errors import BadInput

VOCABULARY = characters.vocabulary_of("the quick brown fox\njumps – über – 語")
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
TOKENS = st.lists(st.integers(0, 15 + len(VOCABULARY)), max_size=40)
HALVES = st.lists(st.integers(0, 18), max_size=24)


@given(TEXT)
def test_every_string_comes_back_as_it_was(text):
    tokens = characters.encode(text, VOCABULARY)
    assert tokens.dtype == np.int32
    assert characters.decode(tokens, VOCABULARY) == text
    np.testing.assert_array_equal(served.encode(text, VOCABULARY), tokens)
    assert served.decode(tokens, VOCABULARY) == text


@given(TOKENS | HALVES)
def test_any_tokens_are_read_alike(tokens):
    expected = characters.decode(np.array(tokens, np.int32), VOCABULARY)
    assert served.decode(tokens, VOCABULARY) == expected
    in_graph = text_strings.decode(tf.constant([tokens], tf.int32), VOCABULARY)
    assert in_graph.numpy()[0].decode() == expected


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_a_graph_encodes_as_python_does(texts):
    rows = text_strings.encode(tf.constant([text.encode() for text in texts]), VOCABULARY).numpy()
    for text, row in zip(texts, rows, strict=True):
        np.testing.assert_array_equal(
            row[row != text_strings.PADDING], characters.encode(text, VOCABULARY)
        )


def test_characters_with_a_token_are_one_token_and_others_are_half_bytes():
    known, unknown = characters.encode("q", VOCABULARY), characters.encode("é", VOCABULARY)
    assert known.tolist() == [characters.HALF_BYTES + VOCABULARY.index("q")]
    assert unknown.tolist() == [0xC, 0x3, 0xA, 0x9]
    assert characters.count(np.concatenate([known, unknown])) == 2


def test_half_of_a_surrogate_pair_is_refused_with_its_place():
    with pytest.raises(BadInput, match="position 2"):
        served.encode("ab\ud800", VOCABULARY)


def test_a_text_with_very_many_characters_keeps_the_frequent_ones():
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 1500))) + "一" * 10
    vocabulary = characters.vocabulary_of(many)
    assert len(vocabulary) == characters.LARGEST_VOCABULARY
    assert "一" in vocabulary
    assert characters.decode(characters.encode(many, vocabulary), vocabulary) == many
