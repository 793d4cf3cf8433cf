"""The short way from an ordinary predict request to arrays: numbers never become Python objects.

simdjson reads the text and writes the numbers of nested lists into one buffer, whatever the lists'
lengths. Whether the lists are regular is seen from the text: without its digits and white space,
all that may be left of it is what a regular request of that shape leaves; of a single row it is
seen from the number of brackets. Anything else (strings
and truth values in tensors, NaN, ragged lists, an error) is not answered here: `predict_json.py`
takes the long way, and says what is wrong.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import simdjson

from serving.bundle import Tensor
from serving.wire.datatypes import BY_NAME

_NUMBER_BYTES = b"0123456789.eE+- \t\r\n"
_BUFFERS = {"d": np.float64, "i": np.int64, "u": np.uint64}
_PARSERS = [simdjson.Parser()]
LARGE = 1 << 20
"""A parser keeps the memory of its largest text; a larger one than this gets its own parser."""

Found = tuple[str, bool, dict[str, np.ndarray]]


class _Irregular(Exception):  # noqa: N818 (no error: a turn)
    """The long way must be taken."""


def parse(body: bytes, find_inputs: Callable[[str], Sequence[Tensor]]) -> Found | None:
    """Returns signature name, whether it is in row form, and arrays; None for the long way."""
    parser = _PARSERS[0] if len(body) < LARGE else simdjson.Parser()
    try:
        document = parser.parse(body)
    except (ValueError, RuntimeError, UnicodeDecodeError):
        return None
    try:
        return _read(document, body, find_inputs)
    except (_Irregular, TypeError, ValueError, KeyError, OverflowError):
        return None


def _read(
    document: Any, body: bytes, find_inputs: Callable[[str], Sequence[Tensor]]
) -> Found | None:
    if not isinstance(document, simdjson.Object):
        return None
    names = list(document.keys())
    key = "instances" if "instances" in names else "inputs"
    signature = document["signature_name"] if "signature_name" in names else ""
    if not isinstance(signature, str) or sorted(names) not in ([key], [key, "signature_name"]):
        return None
    tensors = find_inputs(signature)
    arrays, skeleton = _tensors(document[key], key == "instances", tensors)
    texts = {"signature_name": f'"{signature}"', key: skeleton}
    expected = ",".join([f'"{name}":{texts[name]}' for name in names])
    is_list = all(map(_is_list, arrays.values())) and _brackets(body) == expected.count("[")
    if not is_list and not _leaves(body, f"{{{expected}}}"):
        return None
    return signature, key == "instances", arrays


def _is_list(array: np.ndarray) -> bool:
    """Tells of one row whether all of its numbers lie in one list.

    Then no brackets but those of lists that were looked into mean that it has nothing but numbers,
    as many as that list is long.
    """
    return len(array) == 1 and array.size == array.shape[-1]


def _brackets(body: bytes) -> int:
    """Counts `[`; looking for the last one first, since numbers follow it, is many times faster."""
    return body.count(b"[", 0, body.rfind(b"[") + 1)


def _leaves(body: bytes, skeleton: str) -> bool:
    left = skeleton.encode().translate(None, _NUMBER_BYTES)
    return body.translate(None, _NUMBER_BYTES) == left


def _tensors(
    value: Any, is_row: bool, tensors: Sequence[Tensor]
) -> tuple[dict[str, np.ndarray], str]:
    """Returns the arrays, and the text that they come from but for its numbers."""
    if isinstance(value, simdjson.Object) and not is_row:
        return _columns(value, tensors)
    if not isinstance(value, simdjson.Array) or (is_row and not len(value)):
        raise _Irregular
    if is_row and isinstance(value[0], simdjson.Object):
        return _rows_of_objects(value, tensors)
    (tensor,) = tensors
    shape = _shape(value)
    return {tensor.name: _array(value, shape, tensor)}, _skeleton(shape)


def _columns(value: Any, tensors: Sequence[Tensor]) -> tuple[dict[str, np.ndarray], str]:
    by_name = {tensor.name: tensor for tensor in tensors}
    arrays, texts = {}, []
    for name in value.keys():  # noqa: SIM118 (not a dict)
        column = value[name]
        shape = _shape(column)
        arrays[name] = _array(column, shape, by_name[name])
        texts.append(f'"{name}":{_skeleton(shape)}')
    if arrays.keys() != by_name.keys() or len(texts) != len(arrays):
        raise _Irregular
    return arrays, f"{{{','.join(texts)}}}"


def _rows_of_objects(rows: Any, tensors: Sequence[Tensor]) -> tuple[dict[str, np.ndarray], str]:
    names = list(rows[0].keys())
    by_name = {tensor.name: tensor for tensor in tensors}
    if len(names) != len(by_name):
        raise _Irregular
    arrays, texts = {}, []
    for name in names:
        values, tensor = [row[name] for row in rows], by_name[name]
        if isinstance(values[0], simdjson.Array):
            shape = _shape(values[0])
            together = b"".join([_buffer(value, shape, tensor) for value in values])
            arrays[name] = _converted(together, (len(rows), *shape), tensor)
            texts.append(f'"{name}":{_skeleton(shape)}')
        else:
            arrays[name] = _converted(_numbers(values, tensor), (len(rows),), tensor)
            texts.append(f'"{name}":')
    if len(arrays) != len(by_name):
        raise _Irregular
    return arrays, _repeated(f"{{{','.join(texts)}}}", len(rows))


def _numbers(values: list[Any], tensor: Tensor) -> np.ndarray:
    kind = _kind(tensor.dtype)
    if not set(map(type, values)) <= ({int, float} if kind == "d" else {int}):
        raise _Irregular
    return np.array(values, _BUFFERS[kind])


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(_lengths(value))


def _lengths(value: Any) -> Iterator[int]:
    if not isinstance(value, simdjson.Array):
        raise _Irregular
    while isinstance(value, simdjson.Array):
        length = len(value)
        yield length
        value = value[0] if length else None


def _array(value: Any, shape: tuple[int, ...], tensor: Tensor) -> np.ndarray:
    return _converted(_buffer(value, shape, tensor), shape, tensor)


def _buffer(value: Any, shape: tuple[int, ...], tensor: Tensor) -> Any:
    kind = _kind(tensor.dtype)
    buffer = value.as_buffer(of_type=kind)
    if memoryview(buffer).nbytes != 8 * math.prod(shape):
        raise _Irregular
    return buffer


def _converted(buffer: Any, shape: tuple[int, ...], tensor: Tensor) -> np.ndarray:
    kind, dtype = _kind(tensor.dtype), BY_NAME[tensor.dtype].numpy
    numbers = np.frombuffer(buffer, _BUFFERS[kind]).reshape(shape)
    if kind == "d":
        with np.errstate(over="ignore"):  # too large for the type is infinite, as in TF Serving
            return numbers.astype(dtype)
    converted = numbers.astype(dtype)
    if dtype.itemsize < 8 and not np.array_equal(converted, numbers):
        raise _Irregular
    return converted


@functools.cache
def _kind(dtype: str) -> str:
    """Returns simdjson's letter for the widest type of that kind."""
    if dtype in ("float32", "float64"):
        return "d"
    if dtype in ("int8", "int16", "int32", "int64", "uint8", "uint32"):
        return "i"
    if dtype == "uint64":
        return "u"
    raise _Irregular


def _skeleton(shape: tuple[int, ...]) -> str:
    """What is left of regular lists of numbers: `[[,],[,]]` for 2 × 2."""
    return _repeated(_skeleton(shape[1:]) if len(shape) > 1 else "", shape[0])


def _repeated(element: str, times: int) -> str:
    return f"[{(element + ',') * (times - 1)}{element}]" if times else "[]"
