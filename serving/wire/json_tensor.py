"""One JSON value to the elements of a tensor, by the rules of TF Serving's util/json_tensor.cc.

A type never changes silently: floats take any number, integers only whole ones in their range and
written as such, truth values only `true` and `false`, strings also `{"b64": "…"}`.
"""

import base64
import binascii
import re
from typing import Any, NoReturn

import numpy as np

from serving.errors import BadInput, Unsupported
from serving.wire.datatypes import BY_NAME
from serving.wire.json_value import type_name, written

_BASE64 = re.compile(rb"([A-Za-z0-9+/]*)(={0,2})")
_INTEGERS = {
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 2**8 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOATS = ("float32", "float64")


def shape_of(value: Any) -> tuple[int, ...]:
    """Returns the lengths of the first list on every level; the others are held to them."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def elements(value: Any, shape: tuple[int, ...], dtype: str) -> list[Any]:
    """Returns a value's elements in order.

    Raises:
        BadInput: they do not lie as the shape says, or are not of the type.
        Unsupported: JSON has no form for the type.
    """
    found: list[Any] = []
    _fill(value, 0, shape, dtype, found)
    return found


def array(dtype: str, values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Makes an array of a manifest's dtype of elements."""
    with np.errstate(over="ignore"):  # too large for the type is infinite, as in TF Serving
        return np.array(values, BY_NAME[dtype].numpy).reshape(shape)


def is_base64(value: Any) -> bool:
    """Tells whether a value stands for bytes: `{"b64": "…"}` and nothing else."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(text: str) -> bytes:
    """Decodes the standard alphabet; white space and missing padding are let pass.

    Raises:
        BadInput: it is something else, for instance the alphabet for URLs.
    """
    content = b"".join(text.encode("utf-8", "replace").split())
    found = _BASE64.fullmatch(content)
    if found is None or (found[2] and len(content) % 4):
        raise BadInput("Unable to base64 decode")
    try:
        return base64.b64decode(found[1] + b"=" * (-len(found[1]) % 4), validate=True)
    except binascii.Error as error:
        raise BadInput("Unable to base64 decode") from error


def _fill(value: Any, level: int, shape: tuple[int, ...], dtype: str, found: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise BadInput(
                f"JSON Value: {written(value)} found at incorrect level: {level + 1} "
                f"in the JSON DOM. Expected at level: {len(shape)}"
            )
        found.append(_element(value, dtype))
        return
    if level >= len(shape):
        raise BadInput(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise BadInput(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    if level + 1 == len(shape) and _is_plain(value, dtype):
        found += value
        return
    for element in value:
        _fill(element, level + 1, shape, dtype, found)


def _is_plain(values: list[Any], dtype: str) -> bool:
    """Tells whether NumPy converts a list of numbers as it is."""
    kinds = set(map(type, values))
    if dtype in _FLOATS:
        return kinds <= {int, float}
    low, high = _INTEGERS.get(dtype, (1, 0))
    return kinds == {int} and low <= min(values) and max(values) <= high


def _element(value: Any, dtype: str) -> Any:
    if dtype == "string":
        return _string(value)
    if dtype not in ("bool", *_FLOATS, *_INTEGERS):
        raise Unsupported(
            f"Conversion of JSON Value: {written(value)} to type: {BY_NAME[dtype].word}"
        )
    kind = type(value)
    low, high = _INTEGERS.get(dtype, (1, 0))
    if kind is int and low <= value <= high:
        return value
    if kind in (int, float) and dtype in _FLOATS:
        return float(value)
    if kind is bool and dtype == "bool":
        return value
    _refuse_type(value, dtype)


def _string(value: Any) -> bytes:
    if isinstance(value, dict):
        if not is_base64(value):
            raise BadInput(f"JSON Value: {written(value)} not formatted correctly for base64 data")
        return decode_base64(value["b64"])
    if not isinstance(value, str):
        _refuse_type(value, "string")
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise BadInput(f"JSON Value: {written(value)} holds half of a surrogate pair") from error


def _refuse_type(value: Any, dtype: str) -> NoReturn:
    raise BadInput(
        f"JSON Value: {written(value)} Type: {type_name(value)} "
        f"is not of expected type: {BY_NAME[dtype].word}"
    )
