"""Models of strings: refused for ONNX, published as a SavedModel that is proven on real words."""

import keras
import numpy as np
import pytest
from keras import layers

import serving
from export import keras_file, own_signature, source
from serving import golden
from serving.errors import NotFound

COLOURS = ["red", "green", "blue"]
WORDS = {"the", "cat", "sat", "on", "mat", "a", "dog", "ate", "it"}


@pytest.fixture
def saved(tmp_path):
    """Scores of texts by a vocabulary that was learned, which is a file of its own, and names."""
    keras.utils.set_random_seed(0)
    text = keras.Input((), dtype="string", name="text")
    number = keras.Input((2,), dtype="int64", name="number")
    table = layers.TextVectorization(output_sequence_length=5, name="words")
    table.adapt(["the cat sat on the mat", "a dog ate it"])
    x = layers.Flatten()(layers.Embedding(table.vocabulary_size(), 4)(table(text)))
    names = layers.StringLookup(vocabulary=COLOURS, invert=True, name="names")(number)
    outputs = {"scores": layers.Dense(2, name="scores")(x), "names": names}
    keras.Model([text, number], outputs).save(tmp_path / "texts.keras")
    return tmp_path / "texts.keras"


def test_texts_become_a_savedmodel_proven_on_words_inside_and_outside_the_vocabulary(
    saved, run_command, tmp_path
):
    done = run_command("keras-export", saved, "--to", tmp_path, "--format", "savedmodel")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "texts" / "1"
    assert f"next: keras-verify {folder} --savedmodel" in done.stdout
    case = next(
        case
        for case in golden.from_bytes((folder / "reference.npz").read_bytes())
        if case.name == "real_32"
    )
    words = {word for text in strings(case.inputs["text"]) for word in text.lower().split()}
    assert words >= WORDS
    assert words - WORDS
    assert strings(case.outputs["names"]) == {*COLOURS, "[UNK]"}
    assert run_command("keras-verify", folder, "--savedmodel").returncode == 0
    done = run_command("keras-verify", folder)
    assert done.returncode == 2
    assert "no ONNX graph to run: its SavedModel is run with --savedmodel" in done.stderr
    with pytest.raises(NotFound, match="in the SavedModel alone, which TF Serving serves"):
        serving.load(folder).predict(text=["a cat"], number=[[1, 2]])


def strings(array):
    """Golden strings are written in hexadecimal."""
    return {bytes.fromhex(one).decode() for one in array.ravel()}


def test_examples_of_strings_are_taken_as_text_or_as_bytes(tmp_path):
    text = keras.Input((1,), dtype="string", name="text")
    signature = own_signature.signature_of(keras.Model(text, layers.Hashing(7)(text)))
    for value in (np.array([["rot"], ["grün"]]), np.array([[b"rot"], ["grün".encode()]])):
        np.savez(tmp_path / "x.npz", text=value)
        arrays = source._arrays(tmp_path / "x.npz")
        keras_file.check_examples(signature, arrays, tmp_path / "x.npz")
        assert arrays["text"].tolist() == [[b"rot"], ["grün".encode()]]
