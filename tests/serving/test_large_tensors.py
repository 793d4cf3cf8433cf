"""Tensors read out of a request's bytes: the same as protobuf reads, however they are written."""

import numpy as np
import pytest

from serving.errors import BadInput
from serving.wire import large_tensors, tensor_proto
from serving.wire.messages import serving
from tests.serving.damage import damaged_message

LARGE = np.arange(20_000, dtype=np.float32)


def request(**inputs):
    made = serving("PredictRequest")(output_filter=["y"])
    made.model_spec.name = "m"
    for name, array in inputs.items():
        tensor = made.inputs[name]
        tensor.dtype, tensor.tensor_content = 1, array.tobytes()
        tensor.tensor_shape.dim.add(size=len(array))
    return made


def arrays(content):
    found = large_tensors.read(memoryview(content))
    return found.message, {
        name: tensor_proto.to_array(name, proto, found.contents.get(name))
        for name, proto in found.message.inputs.items()
    }


def test_large_tensors_lie_in_the_requests_own_bytes():
    content = request(a=LARGE, b=LARGE[:3], c=LARGE[::-1]).SerializeToString()
    found = large_tensors.read(memoryview(content))
    assert set(found.contents) == {"a", "c"}
    assert all(view.obj is content for view in found.contents.values())
    rest, read = arrays(content)
    assert rest.model_spec.name == "m"
    assert list(rest.output_filter) == ["y"]
    assert rest.ByteSize() < 200
    for name, expected in {"a": LARGE, "b": LARGE[:3], "c": LARGE[::-1]}.items():
        np.testing.assert_array_equal(read[name], expected)


def test_an_input_that_is_there_twice_is_read_as_protobuf_reads_it():
    content = request(a=LARGE).SerializeToString() + request(a=LARGE + 1).SerializeToString()
    np.testing.assert_array_equal(arrays(content)[1]["a"], LARGE + 1)


def test_damaged_requests_are_refused_or_read_as_protobuf_reads_them():
    random = np.random.default_rng(3)
    content = request(a=LARGE[:5000], b=LARGE[:3]).SerializeToString()
    edges = content[:60] + content[-60:]
    for _ in range(3000):
        damaged = damaged_message(edges, random)
        damaged = damaged[:60] + content[60:-60] + damaged[60:]
        try:
            expected = serving("PredictRequest").FromString(damaged)
        except Exception:
            with pytest.raises(BadInput):
                large_tensors.read(memoryview(damaged))
            continue
        found = large_tensors.read(memoryview(damaged))
        for name, view in found.contents.items():
            assert not found.message.inputs[name].tensor_content
            found.message.inputs[name].tensor_content = bytes(view)
        assert found.message == expected
