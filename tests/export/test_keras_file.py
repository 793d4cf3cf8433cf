"""A lone `.keras` file: real ones, damaged ones, and such as bring code."""

import os
import tempfile

import keras
import numpy as np
import pytest
from keras import layers

from export import archive, keras_file, own_signature, rehearsal
from keras_models.errors import BadInput


def saved(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def dense():
    return keras.Sequential([keras.Input((5,), name="features"), layers.Dense(3, name="scores")])


def test_a_file_that_is_none_or_damaged_is_named(tmp_path):
    path = saved(dense(), tmp_path)
    content = path.read_bytes()
    (tmp_path / "half.keras").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.keras").write_text("no model")
    for name in ("half", "text"):
        with pytest.raises(BadInput, match=rf"{name}\.keras is no \.keras file"):
            keras_file.load(tmp_path / f"{name}.keras")


def test_a_lambda_is_refused_and_nothing_of_it_runs(tmp_path):
    model = keras.Sequential([keras.Input((5,)), layers.Lambda(lambda x: x * 2)])
    with pytest.raises(BadInput, match="Lambda"):
        keras_file.load(saved(model, tmp_path))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((4, 6), np.float32), r"shape \[4, 6\], the model takes \[batch, 5\]"),
        (np.zeros((4, 5), np.float64), "is float64, the model takes float32"),
        (np.zeros((0, 5), np.float32), r"shape \[0, 5\]"),
    ],
)
def test_examples_that_do_not_fit_are_named(array, says, tmp_path):
    signature = own_signature.signature_of(dense())
    with pytest.raises(BadInput, match=says):
        keras_file.check_examples(signature, {"features": array}, tmp_path / "x.npz")


def test_while_a_model_is_loaded_no_file_is_written():
    rehearsal._refuse_events("open", ("/etc/hostname", "r", os.O_RDONLY))
    for flags in (os.O_WRONLY | os.O_CREAT, os.O_RDWR, os.O_WRONLY | os.O_APPEND):
        with pytest.raises(PermissionError, match="a file is written"):
            rehearsal._refuse_events("open", ("elsewhere", "w", flags))


def test_a_vocabulary_in_a_file_is_loaded_though_nothing_may_be_written(tmp_path):
    text = keras.Input((1,), dtype="string", name="text")
    table = layers.StringLookup()
    table.adapt(["a", "b"])
    model = keras_file.load(saved(keras.Model(text, table(text)), tmp_path))
    assert sorted(np.asarray(model(np.array([["a"], ["b"], ["c"]]))).ravel()) == [0, 1, 2]


def test_what_a_file_is_unpacked_to_is_removed(tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    path = saved(dense(), tmp_path)
    with archive.unpacked(path) as folder:
        assert folder.parent == place
        assert (folder / "model.weights.h5").exists()
    keras_file.load(path)
    assert not list(place.iterdir())
