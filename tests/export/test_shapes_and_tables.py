"""Layers that answer otherwise than they say, tables of numbers, and what Keras cannot trace."""

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from keras import layers, ops

from export import onnx_file, own_signature
from export.lowering import earlier
from export.to_savedmodel import to_savedmodel
from keras_models.errors import BadInput
from tests.export.exported import exported


def of_one(layer, *shape, dtype="float32"):
    x = keras.Input(shape, dtype=dtype, name="x")
    return keras.Model(x, layer(x))


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [[2, 3, 0, 1]]),
        ({"mask_token": 0}, [[3, 4, 1, 2]]),
        ({"num_oov_indices": 3}, [[4, 5, 9 % 3, 3]]),
        ({"output_mode": "multi_hot"}, [[1, 1, 1, 1]]),
        ({"output_mode": "count"}, [[1, 1, 1, 1]]),
    ],
    ids=str,
)
def test_integers_are_looked_up_in_a_table(settings, expected, tmp_path):
    model = of_one(layers.IntegerLookup(vocabulary=[2, 5, 7], **settings), 4, dtype="int64")
    (answer,), _, _ = exported(model, tmp_path, x=np.array([[5, 7, 9, 2]]))
    np.testing.assert_array_equal(answer, expected)


def test_a_table_of_strings_is_still_refused(tmp_path):
    model = of_one(layers.StringLookup(vocabulary=["a", "b"]), 1, dtype="string")
    with pytest.raises(BadInput):
        exported(model, tmp_path)


@pytest.mark.parametrize(
    ("layer", "shape", "answer_shape"),
    [
        (layers.Activation("glu"), (4, 6), ("batch", 4, 3)),
        (layers.RandomCrop(6, 6), (8, 9, 3), ("batch", 8, 9, 3)),
    ],
    ids=["glu", "crop"],
)
def test_an_output_has_the_shape_that_is_computed_not_declared(
    layer, shape, answer_shape, tmp_path
):
    x = random(2, *shape)
    model = of_one(layer, *shape)
    (answer,), signature, _ = exported(model, tmp_path, x=x)
    assert signature.outputs[0].shape == answer_shape
    assert signature.outputs[0].name == layer.name
    np.testing.assert_allclose(answer, model(x, training=False), rtol=1e-5, atol=1e-6)


class Halves(layers.Layer):
    """Says that it leaves a shape as it is, and does not."""

    def call(self, x):
        return x[:, ::2]

    def compute_output_shape(self, shape):
        return shape


def test_a_layer_of_the_users_own_is_not_believed_either(tmp_path):
    x = random(2, 6)
    (answer,), signature, _ = exported(of_one(Halves(name="halves"), 6), tmp_path, x=x)
    assert signature.outputs[0].shape == ("batch", 3)
    np.testing.assert_array_equal(answer, x[:, ::2])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("length", [3, None])
def test_volumes_are_repeated_without_a_resize(data_format, length, tmp_path):
    layer = layers.UpSampling3D((2, 1, 3), data_format=data_format)
    shape = (length, 4, 3, 2) if data_format == "channels_last" else (2, length, 4, 3)
    x = random(2, *(n or 3 for n in shape))
    (answer,), _, kinds = exported(of_one(layer, *shape), tmp_path, x=x)
    first = 1 if data_format == "channels_last" else 2
    np.testing.assert_array_equal(answer, x.repeat(2, first).repeat(3, first + 2))
    assert "Resize" not in kinds


@pytest.mark.parametrize(
    ("layer", "shape", "is_older"),
    [
        (layers.AveragePooling3D(3, strides=1), (5, 6, 7, 8), True),
        (layers.AveragePooling2D(2), (6, 6, 3), True),
        (layers.AveragePooling2D(2), (6, 6, 16), False),
        (layers.MaxPooling3D(2), (5, 6, 7, 8), False),
    ],
    ids=["3-D", "3 channels", "16 channels", "maxima"],
)
def test_average_pooling_is_written_in_the_operator_set_where_it_is_fast(
    layer, shape, is_older, tmp_path
):
    model, x = of_one(layer, *shape), random(2, *shape)
    (answer,), signature, _ = exported(model, tmp_path, x=x)
    np.testing.assert_allclose(answer, model(x), rtol=1e-5, atol=1e-6)
    wanted = onnx_file.CONVERTED_OPSET if is_older else onnx_file.OPSET
    assert onnx.load(tmp_path / "model.onnx").opset_import[0].version == wanted
    onnx_file.write(signature, tmp_path / "asked.onnx", opset=onnx_file.OPSET)
    assert onnx.load(tmp_path / "asked.onnx").opset_import[0].version == onnx_file.OPSET


def test_a_graph_that_needs_newer_operators_gets_them():
    pool = onnx.helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2, 2])
    newer = onnx.helper.make_node("Gelu", ["y"], ["z"], domain=earlier.DOMAIN)
    for nodes, is_faster in (([pool], True), ([pool, newer], False), ([], False)):
        graph = onnx.helper.make_graph(nodes, "graph", [], [])
        assert earlier.is_faster(onnx.helper.make_model(graph)) is is_faster


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (
            lambda x: ops.inner(x, np.ones((3, 4), np.float32)),
            lambda x: np.inner(x, np.ones((3, 4))),
        ),
        (lambda x: ops.inner(x, 2.0), lambda x: np.inner(x, 2.0)),
        (
            lambda x: ops.kron(x, np.arange(4.0, dtype=np.float32).reshape(2, 2)),
            lambda x: np.kron(x, np.arange(4.0).reshape(2, 2)),
        ),
    ],
    ids=["inner", "inner of a number", "kron"],
)
def test_what_keras_computes_on_values_only_can_be_exported(function, expected, tmp_path):
    x = random(2, 6, 4)
    (answer,), _, _ = exported(of_one(function, 6, 4), tmp_path, x=x)
    np.testing.assert_allclose(answer, expected(x), rtol=1e-4, atol=1e-5)


def test_the_first_few_hold_a_class_or_not_and_never_one_that_is_none(tmp_path):
    scores = keras.Input((4,), name="scores")
    targets = keras.Input((), dtype="int32", name="targets")
    model = keras.Model([scores, targets], ops.in_top_k(targets, scores, 2))
    values = np.array([[1, 2, 3, 4]] * 6 + [[1, np.inf, 3, 4]], np.float32)
    places = np.array([3, 2, 1, 0, 4, -1, 3], np.int32)
    (answer,), _, _ = exported(model, tmp_path, scores=values, targets=places)
    assert answer.tolist() == [True, True, False, False, False, False, False]
    assert answer.tolist() == np.asarray(model([values, places])).tolist()


def test_a_saved_model_keeps_its_tables(tmp_path):
    lookup = layers.IntegerLookup(vocabulary=[2, 5, 7])
    signature = own_signature.signature_of(of_one(lookup, 4, dtype="int64"))
    to_savedmodel([signature], tmp_path / "saved")
    loaded = tf.saved_model.load(tmp_path / "saved").signatures["serving_default"]
    answer = loaded(x=tf.constant([[5, 7, 9, 2]], tf.int64))[signature.outputs[0].name]
    assert answer.numpy().tolist() == [[2, 3, 0, 1]]


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(6, 38), (24, 19), (9, 57), (11, 31)], ids=str)
def test_resizing_known_lengths_computes_no_shape(size, interpolation, tmp_path):
    x = random(3, 12, 19, 2)
    model = of_one(layers.Resizing(*size, interpolation=interpolation), 12, 19, 2)
    (answer,), _, kinds = exported(model, tmp_path, x=x)
    assert kinds == ["Resize"]
    np.testing.assert_allclose(answer, model(x), atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (24, 12), (3, 38)], ids=str)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_crop_to_a_known_aspect_ratio_is_a_slice(data_format, size, tmp_path):
    shape = (12, 19, 3) if data_format == "channels_last" else (3, 12, 19)
    x = random(2, *shape)
    layer = layers.Resizing(*size, crop_to_aspect_ratio=True, data_format=data_format)
    model = of_one(layer, *shape)
    (answer,), _, kinds = exported(model, tmp_path, x=x)
    assert set(kinds) <= {"Transpose", "Slice", "Resize"}
    np.testing.assert_allclose(answer, model(x), atol=1e-5)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_lengths_that_a_scale_leads_to_by_its_last_bit_are_right(interpolation, tmp_path):
    x = random(2, 12, 19, 3)
    model = of_one(layers.Resizing(7, 13, interpolation=interpolation), 12, 19, 3)
    (answer,), _, kinds = exported(model, tmp_path, x=x)
    # By the next scale some pixels would be others' neighbours.
    assert ("Shape" in kinds) == (interpolation == "nearest")
    np.testing.assert_allclose(answer, model(x), atol=1e-5)
