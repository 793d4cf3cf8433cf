"""TensorProto to arrays and back, in both of its forms.

Numbers come one after the other as bytes (`tensor_content`), or one by one in the field of their
type; there a single value stands for all, as TensorFlow reads it. Answers go out in the typed
fields, as TF Serving's do, since clients read those by name.
"""

import math
from typing import Any

import numpy as np

from serving.errors import BadInput, Unsupported
from serving.wire.datatypes import BY_NUMBER, Datatype, of_array

_PACKED = {"float32": b"\x2a", "float64": b"\x32"}
"""The tags of `float_val` and `double_val`, whose values are as many bytes each as in memory."""
MOST_ELEMENTS = 2**26
"""Of a tensor whose values are not all sent: a few bytes must not become gigabytes."""


def to_array(name: str, proto: Any, content: memoryview | None = None) -> np.ndarray:
    """Reads a TensorProto.

    Args:
        name: for messages.
        proto: the tensor.
        content: its `tensor_content`, where that is not in it; see `large_tensors.py`.

    Raises:
        BadInput: shape, type and values do not fit each other; names the tensor.
        Unsupported: it is of a type that is not served.
    """
    datatype = BY_NUMBER.get(proto.dtype)
    if datatype is None:
        raise Unsupported(f"tensor {name} is of type {proto.dtype}, which is not served")
    shape = _shape(name, proto.tensor_shape)
    count = math.prod(shape)
    given_bytes = content or proto.tensor_content  # each time that it is asked for is a copy
    if given_bytes:
        return _from_content(name, given_bytes, datatype, shape)
    values = getattr(proto, datatype.field)
    given = len(values) // 2 if datatype.name.startswith("complex") else len(values)
    if given > count:
        raise BadInput(f"tensor {name} has {given} values for shape {list(shape)}")
    if given < count and count > MOST_ELEMENTS:
        raise BadInput(f"tensor {name} has {given} values for {count} elements")
    array = _values(values, datatype)
    if given < count:
        last = array[-1:] if given else _nothing(datatype)
        array = np.concatenate([array, np.repeat(last, count - given)])
    return array.reshape(shape)


def to_proto(array: np.ndarray, proto: Any) -> None:
    """Writes an array into an empty TensorProto.

    Raises:
        Unsupported: TensorFlow has no such type.
    """
    datatype = of_array(array)
    if datatype is None:
        raise Unsupported(f"{array.dtype} has no form in a TensorProto")
    proto.dtype = datatype.number
    dimensions = proto.tensor_shape
    dimensions.SetInParent()
    for length in array.shape:
        dimensions.dim.add(size=length)
    if datatype.name in _PACKED:
        proto.MergeFromString(_packed(array, _PACKED[datatype.name]))
        return
    values = getattr(proto, datatype.field)
    if datatype.name == "string":
        values.extend([_bytes(value) for value in array.ravel().tolist()])
    elif datatype.name == "float16":
        values.extend(array.ravel().view(np.uint16).tolist())
    elif datatype.name.startswith("complex"):
        values.extend(array.ravel().view(array.real.dtype).tolist())
    else:
        values.extend(array.ravel().tolist())


def _packed(array: np.ndarray, tag: bytes) -> bytes:
    """Writes a packed field as it is on the wire: many times faster than value by value."""
    content = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    length, size = bytearray(), content.nbytes
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return b"%s%s%c%s" % (tag, length, size, content.tobytes())


def _shape(name: str, proto: Any) -> tuple[int, ...]:
    shape = tuple(dimension.size for dimension in proto.dim)
    if proto.unknown_rank or any(length < 0 for length in shape) or len(shape) > 64:
        raise BadInput(f"tensor {name} has no shape of its own: {list(shape)}")
    return shape


def _from_content(
    name: str, content: bytes | memoryview, datatype: Datatype, shape: tuple[int, ...]
) -> np.ndarray:
    if datatype.name == "string":
        raise BadInput(f"tensor {name}: strings come in string_val, not in tensor_content")
    expected = math.prod(shape) * datatype.numpy.itemsize
    if len(content) != expected:
        raise BadInput(
            f"tensor {name} has {len(content)} bytes of tensor_content; "
            f"{datatype.word} {list(shape)} has {expected}"
        )
    if datatype.name == "bool":  # only 0 and 1 are truth values to NumPy
        return np.not_equal(np.frombuffer(content, np.uint8), 0).reshape(shape)
    return np.frombuffer(content, datatype.numpy).reshape(shape)


def _values(values: Any, datatype: Datatype) -> np.ndarray:
    if datatype.name == "string":
        array = np.empty(len(values), object)
        array[:] = list(values)
        return array
    if datatype.name == "float16":
        return np.array(values, np.int64).astype(np.uint16).view(np.float16)
    if datatype.name.startswith("complex"):
        pairs = np.array(values, np.float64).reshape(-1, 2)
        return (pairs[:, 0] + 1j * pairs[:, 1]).astype(datatype.numpy)
    if datatype.field == "int_val":  # holds the smaller types too; they wrap, as in TensorFlow
        return np.array(values, np.int32).astype(datatype.numpy)
    return np.array(values, datatype.numpy)


def _nothing(datatype: Datatype) -> np.ndarray:
    """What stands for values that are not sent."""
    if datatype.name == "string":
        return np.array([b""], object)
    return np.zeros(1, datatype.numpy)


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
