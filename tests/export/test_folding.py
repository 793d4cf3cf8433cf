"""Scales and shifts after a convolution disappear into its weights, and nothing else changes."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from export import folding, onnx_file, own_signature


def vary(model):
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.2, 1, size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize(
    "convolution",
    [
        layers.Conv2D(4, 3, use_bias=False),
        layers.Conv2D(4, 3, groups=2),
        layers.DepthwiseConv2D(3),
        layers.Conv2DTranspose(4, 3, strides=2),
        layers.SeparableConv2D(4, 3),
        layers.Conv1D(4, 3),
        layers.Conv3D(4, 2),
    ],
    ids=lambda layer: layer.name,
)
def test_batch_normalization_folds_into_a_convolution(convolution, tmp_path):
    rank = convolution.rank
    model = vary(
        keras.Sequential(
            [keras.Input((6,) * rank + (4,)), convolution, layers.BatchNormalization()]
        )
    )
    onnx_file.write(own_signature.signature_of(model), tmp_path / "model.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert not {"Mul", "Add", "Sub", "BatchNormalization"} & set(kinds)
    x = np.random.default_rng(1).normal(size=(2, *(6,) * rank, 4)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (answer,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(answer, model(x), rtol=1e-4, atol=1e-4)


def test_what_two_layers_read_is_left_as_it_is(tmp_path):
    x = keras.Input((6, 6, 2), name="x")
    maps = layers.Conv2D(3, 3, name="maps")(x)
    model = vary(keras.Model(x, [maps, layers.BatchNormalization(name="scaled")(maps)]))
    onnx_file.write(own_signature.signature_of(model), tmp_path / "model.onnx")
    image = np.random.default_rng(1).normal(size=(2, 6, 6, 2)).astype(np.float32)
    answers = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"x": image})
    for answer, expected in zip(answers, model(image), strict=True):
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4)


def test_what_a_branch_reads_is_left_as_it_is():
    graph = onnx.parser.parse_graph("""
        read (bool which, float[1, 1, 4, 4] x) => (float[1, 2, 4, 4] scaled, float[1, 2, 4, 4] maps)
        <float[2, 1, 1, 1] kernel = {1, 2}, float[1, 2, 1, 1] scale = {3, 4}> {
            inside = Conv(x, kernel)
            scaled = Mul(inside, scale)
            maps = If(which) <
                then_branch = read () => (float[1, 2, 4, 4] one) { one = Identity(inside) },
                else_branch = neg () => (float[1, 2, 4, 4] other) { other = Neg(inside) }
            >
        }
    """)
    before = graph.SerializeToString()
    folding.fold(graph)
    assert graph.SerializeToString() == before
