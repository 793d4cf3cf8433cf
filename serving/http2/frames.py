"""Frames of HTTP/2 (RFC 9113, sections 4 and 6)."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
HEAD = struct.Struct(">HBBBI")
"""Length (16 and 8 bits), kind, flags, stream."""
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, HAS_PRIORITY = 0x4, 0x8, 0x20
STREAM_BITS = 2**31 - 1

INITIAL_WINDOW, LARGEST_FRAME, MOST_STREAMS, LARGEST_LIST = 4, 5, 3, 6
"""Numbers of settings."""
MOST_SETTINGS = 32
"""In one frame; there are a dozen, and nghttp2 takes as many."""
DEFAULT_WINDOW, WIDEST_WINDOW = 65_535, 2**31 - 1
DEFAULT_FRAME, WIDEST_FRAME = 2**14, 2**24 - 1

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_ERROR, CLOSED, SIZE_ERROR = 0, 1, 2, 3, 5, 6
REFUSED, CANCEL, COMPRESSION_ERROR, CALM = 7, 8, 9, 11
"""Codes of errors."""


class Broken(Exception):  # noqa: N818 (the connection is what is broken)
    """The client breaks a rule of the protocol that ends the connection.

    Attributes:
        code: of the error.
    """

    def __init__(self, code: int, text: str) -> None:
        """Says which rule."""
        super().__init__(text)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Writes a frame."""
    return head(len(payload), kind, flags, stream) + payload


def head(size: int, kind: int, flags: int, stream: int) -> bytes:
    """Writes what stands before a payload of so many bytes."""
    return HEAD.pack(size >> 8, size & 255, kind, flags, stream)


def read_head(content: bytes | bytearray, place: int) -> tuple[int, int, int, int]:
    """Returns length, kind, flags and stream of the frame that begins at a place."""
    high, low, kind, flags, stream = HEAD.unpack_from(content, place)
    return high << 8 | low, kind, flags, stream & STREAM_BITS


def number(value: int) -> bytes:
    """Writes four bytes: a window, a code, a stream."""
    return value.to_bytes(4, "big")


def more_room(stream: int, count: int) -> bytes:
    """Writes that so many bytes more may come, on a stream, or, where it is 0, on all together."""
    return frame(WINDOW, 0, stream, number(count))


def settings(values: dict[int, int]) -> bytes:
    """Writes a frame of settings."""
    pairs = b"".join(struct.pack(">HI", *pair) for pair in values.items())
    return frame(SETTINGS, 0, 0, pairs)


def read_settings(payload: bytes) -> dict[int, int]:
    """Returns the settings' values by their numbers; the last one counts.

    Raises:
        Broken: a value may not be, or there are too many.
    """
    if len(payload) > 6 * MOST_SETTINGS:
        raise Broken(CALM, "there are too many settings")
    if len(payload) % 6:
        raise Broken(SIZE_ERROR, "settings are no whole number of them")
    found = {}
    for place in range(0, len(payload), 6):
        name, value = struct.unpack_from(">HI", payload, place)
        if name == INITIAL_WINDOW and value > WIDEST_WINDOW:
            raise Broken(FLOW_ERROR, "a window cannot be of that size")
        if name == LARGEST_FRAME and not DEFAULT_FRAME <= value <= WIDEST_FRAME:
            raise Broken(PROTOCOL_ERROR, "frames cannot be of that size")
        found[name] = value
    return found


def without_padding(payload: bytes, flags: int, *, has_priority: bool = False) -> bytes:
    """Returns what a payload holds beside padding and priority.

    Raises:
        Broken: there is more padding than payload.
    """
    start, padding = 0, 0
    if flags & PADDED:
        if not payload:
            raise Broken(SIZE_ERROR, "padding is announced and not there")
        start, padding = 1, payload[0]
    start += 5 if has_priority else 0
    if start + padding > len(payload):
        raise Broken(PROTOCOL_ERROR, "there is more padding than payload")
    return payload[start : len(payload) - padding]
