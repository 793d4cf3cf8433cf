"""TensorProto both ways, held to TensorFlow's own reading and writing of it."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.errors import BadInput, Unsupported
from serving.wire import tensor_proto
from serving.wire.datatypes import DATATYPES
from serving.wire.messages import message

NUMERIC = [datatype.name for datatype in DATATYPES if datatype.name != "string"]


def ours(theirs):
    """The same message in our own classes."""
    return message("tensorflow.TensorProto").FromString(theirs.SerializeToString())


def values(dtype):
    array = np.array([[0, 1, 2], [3, 100, 7]])
    return (array > 2) if dtype == "bool" else array.astype(dtype)


@pytest.mark.parametrize("dtype", NUMERIC)
def test_both_forms_are_read_as_tensorflow_reads_them(dtype):
    array = values(dtype)
    content = proto(tf.as_dtype(dtype).as_datatype_enum, (2, 3), tensor_content=array.tobytes())
    for theirs in (ours(tf.make_tensor_proto(array)), content):
        np.testing.assert_array_equal(tensor_proto.to_array("x", theirs), array, strict=True)
    typed = message("tensorflow.TensorProto")()
    tensor_proto.to_proto(array, typed)
    assert not typed.tensor_content
    np.testing.assert_array_equal(tensor_proto.to_array("x", typed), array, strict=True)
    theirs = tensor_pb2.TensorProto.FromString(typed.SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(theirs), array)


@pytest.mark.parametrize("value", [b"x", [b"a", b"\xff\0"], [["a"], ["é"]]])
def test_strings_go_both_ways(value):
    theirs = tf.make_tensor_proto(value)
    array = tensor_proto.to_array("x", ours(theirs))
    np.testing.assert_array_equal(array, tf.make_ndarray(theirs))
    back = message("tensorflow.TensorProto")()
    tensor_proto.to_proto(array, back)
    assert back.SerializeToString() == theirs.SerializeToString()


def proto(dtype=1, shape=(2,), **fields):
    made = message("tensorflow.TensorProto")(dtype=dtype, **fields)
    for length in shape:
        made.tensor_shape.dim.add(size=length)
    return made


def test_the_last_value_stands_for_those_that_are_missing():
    assert tensor_proto.to_array("x", proto(shape=(4,), float_val=[1, 2])).tolist() == [1, 2, 2, 2]
    assert tensor_proto.to_array("x", proto(shape=(2, 2))).tolist() == [[0, 0], [0, 0]]
    assert tensor_proto.to_array("x", proto(dtype=7, string_val=[b"a"])).tolist() == [b"a", b"a"]
    assert tensor_proto.to_array("x", proto(shape=(0, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (proto(float_val=[1, 2, 3]), "x has 3 values for shape"),
        (proto(tensor_content=b"1234567"), "7 bytes of tensor_content; float .2. has 8"),
        (proto(shape=(-1,), float_val=[1]), "no shape of its own"),
        (proto(shape=(2**20, 2**20), float_val=[1]), "1 values for 1099511627776 elements"),
        (proto(dtype=7, tensor_content=b"\1a"), "strings come in string_val"),
    ],
)
def test_what_does_not_fit_is_refused(made, says):
    with pytest.raises(BadInput, match=says):
        tensor_proto.to_array("x", made)


@pytest.mark.parametrize("dtype", [0, 14, 20, 99])
def test_other_types_are_not_served(dtype):
    with pytest.raises(Unsupported):
        tensor_proto.to_array("x", proto(dtype=dtype))
