"""Texts as people bring them: any UTF-8 trains, anything else is one clear line."""

import numpy as np
import pytest

from keras_models import characters
from keras_models.errors import BadInput
from train import corpus


def text_file(folder, content):
    path = folder / "text.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has 0 characters: at least 1000"),
        (b"x", "has 1 characters: at least 1000"),
        (b"x" * 5000, "is one character, 'x', again and again"),
        (b"good\n" * 400 + b"b\xffd", "byte 0xff at position 2001 (line 401)"),
        ("ä".encode() * 800 + b"\xc3", "byte 0xc3 at position 1600 (line 1)"),
        ("abc".encode("utf-16") * 500, "is no UTF-8"),
    ],
)
def test_a_file_that_cannot_be_learned_is_refused_in_one_line(tmp_path, content, says):
    with pytest.raises(BadInput) as refusal:
        corpus.load(text_file(tmp_path, content))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="choose python, shakespeare, or name a file"):
        corpus.load(str(tmp_path / "nowhere.txt"))
    with pytest.raises(BadInput, match="is a folder"):
        corpus.load(str(tmp_path))


def test_a_mark_of_byte_order_is_no_character(tmp_path):
    data = corpus.load(text_file(tmp_path, b"\xef\xbb\xbf" + b"some text, " * 200))
    assert "\ufeff" not in data.vocabulary


@pytest.mark.parametrize(
    "piece",
    [
        "plain\r\nlines\r\n",
        "žluťoučký kůň ",
        "שלום עולם ",
        "👩‍👩‍👧‍👦🏳️‍🌈 emoji ",
        "tab\t\0nul\u2028 ",
    ],
)
def test_any_unicode_comes_back_as_it_was(tmp_path, piece):
    text = piece * (3000 // len(piece))
    data = corpus.load(text_file(tmp_path, text))
    learned, held_back, unseen = (
        characters.decode(part, data.vocabulary)
        for part in (data.training, data.validation, data.test)
    )
    start = text.index(held_back, round(len(learned) / 2) - 1)  # a short text has one passage
    assert learned[:start] + held_back + learned[start:] + unseen == text


def test_passages_from_all_over_tell_epochs_apart_and_the_end_is_kept_unseen(tmp_path):
    text = "".join(f"{number:07d}\n" for number in range(12_500))
    data = corpus.load(text_file(tmp_path, text))
    assert data.sizes == {"training": 88_000, "validation": 2000, "test": 10_000}
    learned, held_back, unseen = (
        characters.decode(part, data.vocabulary)
        for part in (data.training, data.validation, data.test)
    )
    assert unseen == text[-10_000:]
    piece, passage = 90_000 // 8, 2000 // 8
    for number in range(8):
        start = number * piece + piece // 2 - passage // 2
        assert text[start : start + passage] in held_back
        assert text[number * piece : start] in learned
        assert text[start + passage : (number + 1) * piece] in learned


def test_the_vocabulary_is_that_of_what_is_learned(tmp_path):
    text = "abcdefghij" * 900 + "abcdeZghij" * 100
    data = corpus.load(text_file(tmp_path, text))
    assert data.sizes == {"training": 8800, "validation": 200, "test": 1000}
    assert "Z" not in data.vocabulary
    assert len(data.test) == 1000 + 100  # each Z is two half bytes
    assert data.fingerprint != corpus.load(text_file(tmp_path, text + "!")).fingerprint


def test_a_hundred_megabytes_in_one_line_are_read(tmp_path):
    data = corpus.load(text_file(tmp_path, b"0123456789" * 10_000_000))
    assert data.sizes["training"] == 88_000_000
    assert data.training[:12].tolist() == [*range(16, 26), 16, 17]


def test_examples_are_validation_text_and_what_follows_each_token():
    data = corpus.load("python")
    examples = data.examples()
    tokens, following = examples.inputs["tokens"], examples.answers
    assert tokens.shape == (128, 64)
    np.testing.assert_array_equal(tokens[:, 1:], following[:, :-1])
    assert characters.decode(tokens[0], data.vocabulary) == characters.decode(
        data.validation[:64], data.vocabulary
    )
