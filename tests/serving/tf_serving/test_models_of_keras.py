"""TF Serving's model_servers/tensorflow_model_server_test.py: its cases with models of Keras.

Where its models are SavedModels, these are Keras models with their graphs as `keras-export` makes
them: that is how a model of TensorFlow comes to this server.
"""

import subprocess
import sys

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from keras import layers
from onnx import numpy_helper
from tensorflow_serving.apis import predict_pb2

import export
import serving
from tests.serving.networks import half_plus
from tests.serving.tf_serving.calls import (
    both_inferred,
    classified,
    predicted,
    regressed,
    stub_at,
)
from tests.serving.written_bundles import Graph, signature, tensor, write_bundle


def graph_of(model, path, reference):
    """The signature `serving_default` of a Keras model from x to y, one number to one number."""
    export.to_onnx(model, path, opset=18, proven=False, say=lambda _: None)
    graph = onnx.load(path).graph
    return Graph(
        signature=signature(
            "serving_default", [tensor("x", "float32", 1)], [tensor("y", "float32", 1)]
        ),
        nodes=list(graph.node),
        constants={one.name: numpy_helper.to_array(one) for one in graph.initializer},
        reference=reference,
        examples={"x": np.arange(4, dtype=np.float32)[:, None]},
    )


class Product(layers.Layer):
    """3 · 2 · x, of two variables."""

    def build(self, shape):
        constant = keras.initializers.Constant
        self.first = self.add_weight(shape=(), initializer=constant(3))
        self.second = self.add_weight(shape=(), initializer=constant(2))

    def call(self, x):
        return self.first * self.second * x


def sequential(layer):
    return keras.Sequential([keras.Input((1,), name="x"), layer])


@pytest.fixture(scope="module")
def models_of_keras(start_server, tmp_path_factory):
    """A server on `half_plus_two`, `product` and `identity`, each a layer of Keras."""
    folder = tmp_path_factory.mktemp("keras")
    constant = keras.initializers.Constant
    half = layers.Dense(1, kernel_initializer=constant(0.5), bias_initializer=constant(2), name="y")
    for name, layer, reference, others in (
        ("half_plus_two", half, lambda x: [x / 2 + 2], half_plus(2)[1:]),
        ("product", Product(name="y"), lambda x: [6 * x], []),
        ("identity", layers.Identity(name="y"), lambda x: [x], []),
    ):
        graph = graph_of(sequential(layer), folder / f"{name}.onnx", reference)
        write_bundle(folder / "models" / name / "00000123", [graph, *others])
    return start_server(folder / "models", "--workers", "1", "--queue-ms", "6e5")


def test_classify_tf2(models_of_keras):
    assert classified(models_of_keras, "half_plus_two") == 3


def test_regress_tf2(models_of_keras):
    assert regressed(models_of_keras, "half_plus_two") == 3


def test_multi_inference_tf2(models_of_keras):
    assert both_inferred(models_of_keras, "half_plus_two") == (3, 3)


def test_tf_saved_model_save(models_of_keras):
    assert predicted(models_of_keras, "product", shape=(1, 1)) == 12


def test_sequential_keras_saved_model_save(models_of_keras):
    assert predicted(models_of_keras, "identity", shape=(1, 1)) == 2


DISTRIBUTED = """
import keras
import tensorflow as tf
from keras import layers
(core,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(core, [tf.config.LogicalDeviceConfiguration()] * 2)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = keras.Sequential([
        keras.Input((1,), name="x"),
        layers.Dense(1, kernel_initializer="ones"),
        layers.Identity(name="y"),
    ])
assert "MirroredVariable" in repr(model.weights[0].value)
model.save("default.keras")
"""


@pytest.mark.slow
def test_distrat_sequential_keras_saved_model_save(run_command, start_server, tmp_path):
    subprocess.run([sys.executable, "-c", DISTRIBUTED], cwd=tmp_path, check=True)
    done = run_command("keras-export", tmp_path / "default.keras", "--to", tmp_path / "models")
    assert done.returncode == 0, done.stderr
    server = start_server(tmp_path / "models", "--workers", "1", "--queue-ms", "6e5")
    assert predicted(server, "default", shape=(1, 1), version=1) == 2
    assert server.stop() == 0


def test_tf_text(texts, text_bundle):
    # Their model takes strings apart by TF Text's operators, ours by its manifest's codec.
    settings = {"length": 40, "temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "python", "generate_text"
    request.inputs["prompt"].CopyFrom(tf.make_tensor_proto(["The statement", "é☃"]))
    dtypes = {"temperature": "float32", "top_p": "float32", "seed": "int64"}
    for name, value in settings.items():
        array = np.array(value, dtypes.get(name, "int32"))
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    with stub_at(texts) as stub:
        answer = stub.Predict(request)
    model = serving.load(text_bundle)
    assert [text.decode() for text in tf.make_ndarray(answer.outputs["text"])] == [
        "".join(model.stream(prompt, **settings)) for prompt in ("The statement", "é☃")
    ]
