"""Large tensors of a predict request, read where they lie in its bytes.

To protobuf a tensor of some megabytes is a field like any other: it is copied out of the message,
and again when it is asked for. Here its `tensor_content` is found by the wire format's few rules,
cut out, and only what is left of the request is read as a message. A request that is not written as
all libraries write it (a field or an input twice, one left out, groups) is left to protobuf.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serving.errors import BadInput
from serving.wire.fields import LENGTH, fields
from serving.wire.messages import serving
from serving.wire.varint import varint

LARGE_BYTES = 16 * 1024
"""Of an input; a smaller one is faster copied than looked for."""
_INPUTS, _KEY, _VALUE, _CONTENT = 2, 1, 2, 4
"""Numbers of fields: of PredictRequest, of an entry of its map, of TensorProto."""


@dataclass(frozen=True, kw_only=True)
class PredictRequest:
    """A predict request.

    Attributes:
        message: all of it but what is in `contents`.
        contents: by input, the `tensor_content` that was cut out.
    """

    message: Any
    contents: Mapping[str, memoryview]


def read(content: memoryview) -> PredictRequest:
    """Reads a serialized PredictRequest.

    Raises:
        BadInput: it is none.
    """
    contents: dict[str, memoryview] = {}
    try:
        rest, contents = _cut(content) if len(content) >= LARGE_BYTES else (bytes(content), {})
    except (ValueError, IndexError):
        rest = bytes(content)
    try:
        return PredictRequest(message=serving("PredictRequest").FromString(rest), contents=contents)
    except Exception as error:  # protobuf's DecodeError is of another class in each backend
        raise BadInput("the request is no tensorflow.serving.PredictRequest") from error


def _cut(content: memoryview) -> tuple[bytes, dict[str, memoryview]]:
    parts: list[bytes | memoryview] = []
    found: dict[str, memoryview] = {}
    seen: set[bytes] = set()
    kept = 0
    for number, begin, start, end in _fields(content, 0, len(content)):
        if number != _INPUTS:
            continue
        key, entry, tensor = _entry(content, start, end)
        if key in seen:
            raise ValueError("an input is there twice")
        seen.add(key)
        if tensor is not None:
            found[key.decode()] = tensor
            parts += [content[kept:begin], b"\x12", varint(len(entry)), entry]
            kept = end
    parts.append(content[kept:])
    return b"".join(parts), found


def _entry(content: memoryview, start: int, end: int) -> tuple[bytes, bytes, memoryview | None]:
    """Returns an input's name, its entry without the tensor's content, and that if it is large."""
    fields = {number: (begin, at, to) for number, begin, at, to in _once(content, start, end)}
    written = sum(to - begin for begin, _, to in fields.values())
    if fields.keys() != {_KEY, _VALUE} or written != end - start:
        raise ValueError("an entry has other fields than its name and its tensor")
    begin, at, to = fields[_KEY]
    key, written_key = bytes(content[at:to]), content[begin:to]
    _, at, to = fields[_VALUE]
    if to - at < LARGE_BYTES:
        return key, b"", None
    inner = {number: place for number, *place in _once(content, at, to)}
    if _CONTENT not in inner:
        return key, b"", None
    begin, first, last = inner[_CONTENT]
    size = (begin - at) + (to - last)
    value = b"".join([b"\x12", varint(size), content[at:begin], content[last:to]])
    return key, bytes(written_key) + value, content[first:last]


def _once(content: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yields fields as `_fields`; the ones that are looked for may be there once."""
    seen: set[int] = set()
    for field in _fields(content, start, end):
        if field[0] in seen and field[0] in (_KEY, _VALUE, _CONTENT):
            raise ValueError("a field is there twice")
        seen.add(field[0])
        yield field


def _fields(content: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yields of each field with a length its number, where it begins, and its value's two ends."""
    for number, kind, begin, at, to in fields(content, start, end):
        if kind == LENGTH:
            yield number, begin, at, to
