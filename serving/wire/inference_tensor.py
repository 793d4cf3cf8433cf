"""Tensors of the Open Inference Protocol over gRPC to arrays and back, in both of their forms.

Either every tensor of a message comes in the typed field of its `contents`, or all of them as bytes
(`raw_input_contents`), where a string has its length in four bytes before it.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.errors import BadInput, Unsupported
from serving.wire.datatypes import BY_OPEN_INFERENCE, Datatype, of_array

_LENGTH = struct.Struct("<I")
_FIELDS = {
    "bool": "bool_contents",
    **dict.fromkeys(("int8", "int16", "int32"), "int_contents"),
    "int64": "int64_contents",
    **dict.fromkeys(("uint8", "uint16", "uint32"), "uint_contents"),
    "uint64": "uint64_contents",
    "float32": "fp32_contents",
    "float64": "fp64_contents",
    "string": "bytes_contents",
}
"""float16 has none: it only comes as bytes."""


def to_arrays(request: Any) -> dict[str, np.ndarray]:
    """Reads the inputs of a `ModelInferRequest`.

    Raises:
        BadInput: shape, datatype and values do not fit each other; names the tensor.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise BadInput(f"there are {len(request.inputs)} inputs and {len(raw)} raw contents")
    arrays: dict[str, np.ndarray] = {}
    for place, tensor in enumerate(request.inputs):
        name = tensor.name
        if not name or name in arrays:
            raise BadInput(f"an input has no name of its own: {name!r}")
        datatype = BY_OPEN_INFERENCE.get(tensor.datatype)
        if datatype is None:
            raise BadInput(f"input {name} is of no datatype: {tensor.datatype!r}")
        shape = tuple(tensor.shape)
        if any(length < 0 for length in shape) or len(shape) > 64:
            raise BadInput(f"input {name} has no shape: {list(shape)}")
        values = _from_bytes(raw[place], datatype) if raw else _from_contents(tensor, datatype)
        if values.size != math.prod(shape):
            raise BadInput(f"input {name} has {values.size} values for shape {list(shape)}")
        arrays[name] = values.reshape(shape)
    return arrays


def fill(response: Any, outputs: Mapping[str, np.ndarray], *, as_bytes: bool) -> None:
    """Writes outputs into a `ModelInferResponse`; all as bytes where one has no typed field.

    Raises:
        Unsupported: the protocol has no word for a type.
    """
    types = {name: datatype_of(name, array) for name, array in outputs.items()}
    as_bytes = as_bytes or any(datatype.name not in _FIELDS for datatype in types.values())
    for name, array in outputs.items():
        tensor = response.outputs.add(name=name, datatype=types[name].open_inference)
        tensor.shape.extend(array.shape)
        if as_bytes:
            response.raw_output_contents.append(_to_bytes(array))
        else:
            values = map(_bytes, _flat(array)) if _is_text(array) else _flat(array)
            getattr(tensor.contents, _FIELDS[types[name].name]).extend(values)


def datatype_of(name: str, array: np.ndarray) -> Datatype:
    """Returns what the protocol calls the type of an output.

    Raises:
        Unsupported: it has no word for it.
    """
    datatype = of_array(array)
    if datatype is None or not datatype.open_inference:
        raise Unsupported(f"output {name} is {array.dtype}, which this protocol has no word for")
    return datatype


def _from_contents(tensor: Any, datatype: Datatype) -> np.ndarray:
    field = _FIELDS.get(datatype.name)
    if field is None:
        raise BadInput(f"input {tensor.name} is {datatype.open_inference}: send it as raw contents")
    values = getattr(tensor.contents, field)
    if datatype.name == "string":
        return _objects(list(values))
    wide = np.array(values, np.int64 if datatype.numpy.kind in "iu" else datatype.numpy)
    if datatype.name == "uint64":
        wide = np.array(values, np.uint64)
    array = wide.astype(datatype.numpy)
    if not np.array_equal(array, wide, equal_nan=datatype.numpy.kind == "f"):
        raise BadInput(f"input {tensor.name}: a value does not fit into {datatype.open_inference}")
    return array


def _from_bytes(content: bytes, datatype: Datatype) -> np.ndarray:
    if datatype.name == "string":
        return _objects(_strings(content))
    if len(content) % datatype.numpy.itemsize:
        raise BadInput(f"{len(content)} raw bytes are no whole number of {datatype.open_inference}")
    if datatype.name == "bool":  # only 0 and 1 are truth values to NumPy
        return np.not_equal(np.frombuffer(content, np.uint8), 0)
    return np.frombuffer(content, datatype.numpy)


def _strings(content: bytes) -> list[bytes]:
    found, place = [], 0
    while place < len(content):
        start = place + _LENGTH.size
        if start > len(content):
            raise BadInput("raw contents end within the length of a string")
        place = start + _LENGTH.unpack_from(content, place)[0]
        if place > len(content):
            raise BadInput("raw contents end within a string")
        found.append(content[start:place])
    return found


def _to_bytes(array: np.ndarray) -> bytes:
    if not _is_text(array):
        return np.ascontiguousarray(array).tobytes()
    texts = [_bytes(value) for value in _flat(array)]
    return b"".join(_LENGTH.pack(len(text)) + text for text in texts)


def _objects(values: list[bytes]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _flat(array: np.ndarray) -> list[Any]:
    values: list[Any] = array.ravel().tolist()
    return values


def _is_text(array: np.ndarray) -> bool:
    return array.dtype.kind in "OSU"


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
