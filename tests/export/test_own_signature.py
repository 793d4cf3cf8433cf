"""The signature of a model that nobody described: its own names, dtypes, shapes and structure."""

import keras
import numpy as np
import onnxruntime
import pytest
from keras import layers

from export import onnx_file, own_signature
from keras_models.errors import BadInput


def described(tensors):
    return [(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors]


def test_names_dtypes_and_shapes_are_the_models_own():
    features = keras.Input((4,), name="features")
    series = keras.Input((None, 3), name="series")
    answers = [layers.Dense(2, name="left")(features), layers.LSTM(5, name="right")(series)]
    signature = own_signature.signature_of(keras.Model([features, series], answers))
    assert described(signature.inputs) == [
        ("features", "float32", ("batch", 4)),
        ("series", "float32", ("batch", "time", 3)),
    ]
    assert described(signature.outputs) == [
        ("left", "float32", ("batch", 2)),
        ("right", "float32", ("batch", 5)),
    ]


@pytest.mark.parametrize("name", ["my input", "1st", "keras_tensor_7"])
def test_names_that_no_format_takes_are_replaced(name):
    features = keras.Input((5,), name=name)
    (tensor,) = own_signature.signature_of(keras.Model(features, layers.Dense(3)(features))).inputs
    assert tensor.name.isidentifier()
    assert not tensor.name.startswith("keras_tensor")


def test_an_output_that_is_an_input_gets_a_name_of_its_own():
    features = keras.Input((5,), name="features")
    model = keras.Model(features, [features, layers.Dense(3, name="scores")(features)])
    names = [tensor.name for tensor in own_signature.signature_of(model).outputs]
    assert names == ["features_output", "scores"]


def test_dicts_keep_their_keys_and_lengths_that_follow_an_inputs_have_its_name():
    image = keras.Input((None, None, 3), name="image")
    maps = layers.Conv2D(2, 3, padding="same")(image)
    halved = layers.MaxPooling2D()(maps)
    model = keras.Model({"image": image}, {"same": maps, "half": halved})
    signature = own_signature.signature_of(model)
    assert [tensor.name for tensor in signature.inputs] == ["image"]
    assert dict((tensor.name, tensor.shape) for tensor in signature.outputs) == {
        "same": ("batch", "height", "width", 2),
        "half": ("batch", "half_height", "half_width", 2),
    }


def test_a_sequential_model_answers_by_its_signature():
    model = keras.Sequential([keras.Input((5,), name="features"), layers.Dense(3, name="scores")])
    answers = own_signature.signature_of(model).function(features=np.ones((2, 5), np.float32))
    assert answers["scores"].shape == (2, 3)


class Subclassed(keras.Model):
    """Two tensors in, a dict out, and no keras.Input anywhere."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def build(self, left_shape, right_shape):
        self.dense.build(left_shape)

    def call(self, left, right):
        return {"sum": self.dense(left) + self.dense(right), "left": self.dense(left)}


def test_a_subclassed_model_that_was_called_is_described():
    model = Subclassed()
    model(np.ones((1, 4), np.float32), np.ones((1, 4), np.float32))
    signature = own_signature.signature_of(model)
    assert described(signature.inputs) == [
        ("left", "float32", ("batch", 4)),
        ("right", "float32", ("batch", 4)),
    ]
    assert {tensor.name for tensor in signature.outputs} == {"sum", "left_output"}


def test_a_subclassed_model_that_was_never_called_is_refused_with_the_way_out():
    with pytest.raises(BadInput, match=r"declares no inputs: build it from"):
        own_signature.signature_of(Subclassed())


class Unbuilt(Subclassed):
    """The same without a word about the second tensor's shape."""

    build = keras.Model.build


def test_a_subclassed_model_whose_shapes_are_not_all_known_is_refused_with_the_way_out():
    model = Unbuilt()
    model(np.ones((1, 4), np.float32), np.ones((1, 4), np.float32))
    with pytest.raises(BadInput, match=r"takes left, right, and says the shape of 1 of them"):
        own_signature.signature_of(model)


def test_state_that_a_layer_keeps_goes_in_and_comes_out(tmp_path):
    memory = layers.LSTM(4, stateful=True, name="memory")
    model = keras.Sequential([keras.Input(batch_shape=(2, 6, 3), name="x"), memory])
    signature = own_signature.signature_of(model)
    assert described(signature.inputs)[1:] == [
        ("memory_state_0", "float32", ("batch", 4)),
        ("memory_state_1", "float32", ("batch", 4)),
    ]
    onnx_file.write(signature, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    x = np.random.default_rng(0).normal(size=(2, 2, 6, 3)).astype(np.float32)
    state = {f"memory_state_{i}": np.zeros((2, 4), np.float32) for i in range(2)}
    for one in x:  # a call after the other: Keras remembers, and ONNX is told
        answer, *after = session.run(None, {"x": one, **state})
        state = dict(zip(state, after, strict=True))
        np.testing.assert_allclose(answer, model(one), atol=1e-6)


def test_ids_beyond_a_vocabulary_are_known_to_be_too_large():
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    signature = own_signature.signature_of(keras.Model(tokens, layers.Embedding(9, 4)(tokens)))
    assert (signature.inputs[0].minimum, signature.inputs[0].maximum) == (0, 8)
