"""A lone `.keras` file: real ones, damaged ones, and such as bring code."""

import functools
import os

import keras
import numpy as np
import pytest
from keras import layers

from export import keras_file, own_signature, rehearsal
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


def test_while_a_model_is_loaded_files_are_written_only_where_keras_unpacks(tmp_path):
    place = tmp_path / "unpacked"
    place.mkdir()
    (place / "link").symlink_to(tmp_path / "elsewhere")
    refuse = functools.partial(rehearsal._refuse_events, f"{place}/")
    refuse("open", (f"{place}/vocabulary.txt", "w", os.O_WRONLY | os.O_CREAT))
    refuse("open", ("/etc/hostname", "r", os.O_RDONLY))
    for path in (f"{place}/../elsewhere", "elsewhere", f"{place}/link", f"{place}2"):
        with pytest.raises(PermissionError, match="a file is written"):
            refuse("open", (path, "w", os.O_WRONLY | os.O_CREAT))


def test_nothing_may_be_written_where_there_is_nothing_to_unpack(tmp_path):
    for name, vocabulary in (("table", None), ("none", ["a"])):
        text = keras.Input((1,), dtype="string")
        table = layers.StringLookup(vocabulary=vocabulary)
        if vocabulary is None:
            table.adapt(["a", "b"])
        keras.Model(text, table(text)).save(tmp_path / f"{name}.keras")
    assert rehearsal.largest_unpacked(tmp_path / "table.keras") > 100
    assert rehearsal.largest_unpacked(tmp_path / "none.keras") == 0
