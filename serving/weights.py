"""Constants of a graph that lie in a file of their own and are too large for ONNX Runtime to take.

It makes a protobuf field of each constant that it finds in the bytes of a file, and such a field
holds 2 GiB. Larger ones are looked up in the graph here, and given to it as arrays.

Source: onnx.proto: ModelProto, GraphProto, TensorProto, StringStringEntryProto.
"""

import math
from collections.abc import Mapping

import numpy as np

from serving.wire.fields import LENGTH, fields, number

LARGEST_BYTES = 2**31 - 1
"""Of a constant that ONNX Runtime takes out of a file's bytes."""
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _EXTERNAL_DATA = 1, 2, 8, 13
_KEY, _VALUE = 1, 2
_FLOAT = 1
"""Number of float32, the only type whose constants an export puts beside a graph."""


def largest(content: bytes, files: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Returns a graph's constants above `LARGEST_BYTES`, as views of the files that hold them.

    Args:
        content: the ONNX file.
        files: by name, the bytes of those beside it.

    Raises:
        ValueError, IndexError, KeyError: it is no graph, or a constant does not lie in its file.
    """
    if all(len(one) <= LARGEST_BYTES for one in files.values()):
        return {}
    view, found = memoryview(content), dict[str, np.ndarray]()
    for graph in _messages(view, 0, len(view), _GRAPH):
        for tensor in _messages(view, *graph, _INITIALIZER):
            shape, type_number = _shape_and_type(view, *tensor)
            if type_number != _FLOAT or 4 * math.prod(shape) <= LARGEST_BYTES:
                continue
            place = _external(view, *tensor)
            (name,) = (_text(view, one) for one in _messages(view, *tensor, _NAME))
            found[name] = np.frombuffer(
                files[place["location"]], np.float32, math.prod(shape), int(place["offset"])
            ).reshape(shape)
    return found


def _messages(view: memoryview, start: int, end: int, wanted: int) -> list[tuple[int, int]]:
    """The ends of each value with that number, in what lies between `start` and `end`."""
    return [
        (at, to)
        for field, kind, _, at, to in fields(view, start, end)
        if field == wanted and kind == LENGTH
    ]


def _shape_and_type(view: memoryview, start: int, end: int) -> tuple[list[int], int]:
    shape, type_number = list[int](), 0
    for field, kind, _, at, to in fields(view, start, end):
        if field == _DIMS:  # each by itself, or all of them packed
            while at < to:
                length, at = number(view, at)
                shape.append(length)
        elif field == _DATA_TYPE and kind != LENGTH:
            type_number, _ = number(view, at)
    return shape, type_number


def _external(view: memoryview, start: int, end: int) -> dict[str, str]:
    """Where a constant lies: `location`, `offset`, `length`."""
    entries = _messages(view, start, end, _EXTERNAL_DATA)
    return {
        _text(view, key): _text(view, value)
        for entry in entries
        for key in _messages(view, *entry, _KEY)
        for value in _messages(view, *entry, _VALUE)
    }


def _text(view: memoryview, ends: tuple[int, int]) -> str:
    return bytes(view[ends[0] : ends[1]]).decode()
