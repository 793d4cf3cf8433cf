"""The same model gives the same ONNX bytes, and Flatten does not compute its shape at run time."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from keras import layers

from export import canonical, keras_file, onnx_file, own_signature
from export.onnx_file import OPSET


def classifier():
    image = keras.Input((8, 8, 1), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, use_bias=False, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    return keras.Model(image, layers.Dense(3, name="logits")(x))


def recurrent():
    text = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.GRU(5, return_sequences=True)(layers.Embedding(9, 4)(text))
    return keras.Model(text, layers.Dense(9, name="logits")(x))


def activations():
    features = keras.Input((6,), name="features")
    x = layers.Normalization(mean=1.0, variance=2.0)(features)  # constants, not variables
    x = layers.Dense(8, activation="gelu")(x)  # Erfc
    return keras.Model(features, layers.Dense(3, activation="celu", name="logits")(x))  # Expm1


def written(model, path):
    onnx_file.write(own_signature.signature_of(model), path)
    return path


@pytest.mark.parametrize("build", [classifier, activations])
def test_the_same_model_gives_the_same_bytes(build, tmp_path):
    model = build()
    first, second = (written(model, tmp_path / f"{i}.onnx").read_bytes() for i in range(2))
    assert first == second


@pytest.mark.parametrize("build", [classifier, recurrent, activations])
def test_the_graph_computes_what_keras_computes(build, tmp_path):
    keras.utils.set_random_seed(0)
    model = build()
    path = written(model, tmp_path / "model.onnx")
    inputs = keras_file.random_examples(model, own_signature.signature_of(model))
    (answer,) = onnxruntime.InferenceSession(path).run(None, inputs)
    expected = model(next(iter(inputs.values())))
    np.testing.assert_allclose(answer, expected, atol=1e-6)  # float32 sums in another order


def test_names_and_free_dimensions_are_the_models_own(tmp_path):
    graph = onnx.load(written(recurrent(), tmp_path / "model.onnx")).graph
    names = [(v.name, [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim])
             for v in (*graph.input, *graph.output)]  # fmt: skip
    assert names == [
        ("tokens", ["batch", "time"]),
        ("logits", ["batch", "time", 9]),
    ]


def test_nodes_and_weights_have_their_layers_names(tmp_path):
    encoder = keras.Sequential(
        [layers.Dense(4, activation="relu", name="wide"), layers.Dense(3, name="narrow")],
        name="encoder",
    )
    series = keras.Input((5, 2), name="series")
    x = encoder(encoder(layers.LSTM(2, return_sequences=True, name="memory")(series))[..., :2])
    model = keras.Model(series, layers.RNN(layers.LSTMCell(2), name="steps")(x))
    path = written(model, tmp_path / "model.onnx")
    graph = onnx.load(path).graph
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    assert {"memory/LSTM", "encoder/wide/Relu", "encoder/wide/Relu_2"} <= set(names)
    assert {one.name.rpartition("/")[0] for one in graph.initializer} <= set(names)
    assert not {"encoder/wide/MatMul", "encoder/narrow/MatMul"} - set(names)


def test_a_classifier_has_no_nodes_that_compute_shapes_and_no_loose_normalization(tmp_path):
    model = onnx.load(written(classifier(), tmp_path / "model.onnx"))
    operators = [node.op_type for node in model.graph.node]
    assert operators == [
        "Cast", "Mul", "Add", "Reshape", "Conv", "Relu", "MaxPool", "Transpose", "Reshape",
        "MatMul",  # and no Add: tf2onnx drops biases that are all zero
    ]  # fmt: skip
    assert [(one.domain, one.version) for one in model.opset_import] == [("", OPSET)]


def test_outputs_that_are_one_tensor_each_have_their_name():
    value = onnx.helper.make_tensor_value_info
    identity = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph(
        [identity], "g", [value("x", 1, [1])], [value("y", 1, [1]), value("y", 1, [1])]
    )
    canonical.canonicalize(graph, ["in"], ["left", "right"])
    assert [value.name for value in graph.output] == ["left", "right"]
    assert {name for node in graph.node for name in node.output} == {"left", "right"}


def test_an_operation_that_onnx_lacks_is_named(tmp_path):
    from keras_models.errors import BadInput
    from keras_models.signature import Signature, Tensor

    shape = ("batch", 4)
    signature = Signature(
        name="serving_default",
        function=lambda x: {"y": tf.math.lgamma(x)},
        inputs=(Tensor(name="x", dtype="float32", shape=shape),),
        outputs=(Tensor(name="y", dtype="float32", shape=shape),),
    )
    with pytest.raises(BadInput, match="Lgamma"):
        onnx_file.write(signature, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_what_keras_computes_in_bfloat16_is_computed_in_float32(tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Dense(3, dtype="mixed_bfloat16", name="scores")(x))
    path = written(model, tmp_path / "model.onnx")
    given = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    (answer,) = onnxruntime.InferenceSession(path).run(None, {"x": given})
    assert answer.dtype == np.float32
    kernel, bias = model.get_weights()
    rounded = tf.cast(tf.cast(kernel, tf.bfloat16), tf.float32)
    np.testing.assert_allclose(answer, given @ rounded + bias, rtol=1e-5, atol=1e-6)
