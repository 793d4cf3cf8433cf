"""The second proof of a flat network: passed by what is right, and by nothing else."""

from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers
from onnx import numpy_helper

import export
from export import keras_file, onnx_file, own_signature, proof_cases, scaled
from export.source import Source
from serving import golden

DEPTH = 50


def deep() -> keras.Model:
    """As deep as MobileNetV2, and as flat with the weights that Keras gives it."""
    keras.utils.set_random_seed(1)
    x = image = keras.Input((16, 16, 3), name="image")
    for depth in range(DEPTH):
        strides = 2 if depth == 3 else 1
        x = layers.Conv2D(16, 3, strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    scores = layers.Dense(100, activation="softmax", name="scores")
    return keras.Model(image, scores(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    """The network under the weights of its second proof, its cases, and what is written of it."""
    model = deep()
    signature = own_signature.signature_of(model)
    examples = keras_file.random_examples(model, signature)
    scaled.vary(model, examples)
    cases = proof_cases.all_cases(
        Source(
            name="deep",
            file=Path("deep.keras"),
            family=None,
            signatures=[signature],
            examples=examples,
            examples_are_real=False,
            model=model,
        )
    )
    return model, cases, written(model, tmp_path_factory.mktemp("varied") / "model.onnx")


def written(model: keras.Model, file: Path) -> onnx.ModelProto:
    onnx_file.write(own_signature.signature_of(model), file)
    return onnx.load(file)


def faults(cases: list[golden.Case], graph: onnx.ModelProto) -> tuple[str, ...]:
    """What the proof's own judge finds."""
    session = onnxruntime.InferenceSession(graph.SerializeToString())

    def run(_: str, inputs: golden.Arrays) -> dict[str, np.ndarray]:
        return {"scores": session.run(["scores"], dict(inputs))[0]}

    return golden.judge("onnx", cases, run).faults


def kernel(graph: onnx.GraphProto) -> onnx.TensorProto:
    """The weights in the middle: of all layers, they are the furthest from both ends."""
    kernels = [one for one in graph.initializer if len(one.dims) == 4]
    return kernels[len(kernels) // 2]


def replace(tensor: onnx.TensorProto, values: np.ndarray) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.float32(values), tensor.name))


def with_a_thousandth_of_error(graph: onnx.GraphProto) -> None:
    values = numpy_helper.to_array(kernel(graph))
    error = np.random.default_rng(0).standard_normal(values.shape)
    replace(kernel(graph), values * (1 + 1e-3 * error))


def with_channels_in_another_order(graph: onnx.GraphProto) -> None:
    replace(kernel(graph), np.roll(numpy_helper.to_array(kernel(graph)), 1, axis=0))


def without_an_activation(graph: onnx.GraphProto) -> None:
    activations = [node for node in graph.node if node.op_type == "Relu"]
    activations[len(activations) // 2].op_type = "Identity"


def test_a_deep_network_that_answers_the_same_for_everything_is_proven(tmp_path):
    said = []
    export.to_onnx(deep(), tmp_path / "model.onnx", say=said.append)
    assert any("hardly vary" in one for one in said)


def test_what_is_right_passes(varied):
    _, cases, graph = varied
    assert {"real_64", "largest", "checkerboard"} <= {case.name for case in cases}
    assert not faults(cases, graph)


@pytest.mark.parametrize(
    "spoil",
    [with_a_thousandth_of_error, with_channels_in_another_order, without_an_activation],
    ids=lambda spoil: spoil.__name__,
)
def test_a_mistake_in_one_layer_of_fifty_is_found(varied, spoil):
    _, cases, right = varied
    wrong = onnx.ModelProto()
    wrong.CopyFrom(right)
    spoil(wrong.graph)
    assert faults(cases, wrong)


def test_another_epsilon_is_found(varied, tmp_path):
    model, cases, _ = varied
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    for layer in other.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.epsilon = 1e-5  # Keras has 1e-3
    assert faults(cases, written(other, tmp_path / "wrong.onnx"))
