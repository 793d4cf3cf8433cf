"""A lone `.keras` file: real ones, damaged ones, and such as bring code."""

import keras
import numpy as np
import pytest
from keras import layers

from export import keras_file
from keras_models.errors import BadInput


def saved(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def dense():
    return keras.Sequential([keras.Input((5,), name="features"), layers.Dense(3, name="scores")])


def test_names_dtypes_and_shapes_are_the_models_own(tmp_path):
    features = keras.Input((4,), name="features")
    series = keras.Input((None, 3), name="series")
    answers = [layers.Dense(2, name="left")(features), layers.LSTM(5, name="right")(series)]
    path = saved(keras.Model([features, series], answers), tmp_path)
    signature = keras_file.signature_of(keras_file.load(path), path)
    assert [(t.name, t.dtype, t.shape) for t in signature.inputs] == [
        ("features", "float32", ("batch", 4)),
        ("series", "float32", ("batch", "series_1", 3)),
    ]
    assert [(t.name, t.shape) for t in signature.outputs] == [
        ("left", ("batch", 2)),
        ("right", ("batch", 5)),
    ]


@pytest.mark.parametrize("name", ["my input", "1st", "keras_tensor_7"])
def test_names_that_no_format_takes_are_replaced(name, tmp_path):
    features = keras.Input((5,), name=name)
    model = keras.Model(features, layers.Dense(3)(features))
    (tensor,) = keras_file.signature_of(model, tmp_path).inputs
    assert tensor.name.isidentifier()
    assert not tensor.name.startswith("keras_tensor")


def test_an_output_that_is_an_input_gets_a_name_of_its_own(tmp_path):
    features = keras.Input((5,), name="features")
    model = keras.Model(features, [features, layers.Dense(3, name="scores")(features)])
    signature = keras_file.signature_of(model, tmp_path)
    assert [tensor.name for tensor in signature.outputs] == ["features_output", "scores"]


def test_a_sequential_model_answers_by_its_signature(tmp_path):
    path = saved(dense(), tmp_path)
    signature = keras_file.signature_of(keras_file.load(path), path)
    answers = signature.function(features=np.ones((2, 5), np.float32))
    assert answers["scores"].shape == (2, 3)


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


def test_a_layer_that_keeps_state_is_refused(tmp_path):
    recurrent = layers.LSTM(4, stateful=True, name="memory")
    model = keras.Sequential([keras.Input(batch_shape=(2, 4, 3)), recurrent])
    with pytest.raises(BadInput, match="memory keeps its state"):
        keras_file.signature_of(model, tmp_path)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((4, 6), np.float32), r"shape \[4, 6\], the model takes \[batch, 5\]"),
        (np.zeros((4, 5), np.float64), "is float64, the model takes float32"),
        (np.zeros((0, 5), np.float32), r"shape \[0, 5\]"),
    ],
)
def test_examples_that_do_not_fit_are_named(array, says, tmp_path):
    signature = keras_file.signature_of(dense(), tmp_path)
    with pytest.raises(BadInput, match=says):
        keras_file.check_examples(signature, {"features": array}, tmp_path / "x.npz")
