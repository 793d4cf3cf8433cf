"""The fields of a protobuf message, found by the wire format's few rules without reading it.

Source: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
"""Kinds of fields. Groups, of kinds 3 and 4, are written by no library any more."""
_SIZES = {EIGHT_BYTES: 8, FOUR_BYTES: 4}


def fields(content: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yields of each field its number, its kind, where it begins, and its value's two ends.

    Raises:
        ValueError, IndexError: between `start` and `end` is no message.
    """
    place = start
    while place < end:
        begin = place
        tag, place = number(content, place)
        kind = tag & 7
        if kind == LENGTH:
            length, place = number(content, place)
        elif kind == VARINT:
            length = number(content, place)[1] - place
        else:
            length = _SIZES.get(kind, end + 1)
        if place + length > end:
            raise ValueError("a field is longer than what it is in")
        yield tag >> 3, kind, begin, place, place + length
        place += length


def number(content: memoryview, place: int) -> tuple[int, int]:
    """Reads a number of one to ten bytes, and returns it with the place after it.

    Raises:
        ValueError, IndexError: there is none.
    """
    value = shift = 0
    while shift < 70:
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
    raise ValueError("a number is too long")
