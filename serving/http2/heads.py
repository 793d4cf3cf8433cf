"""The header fields of a request, which one frame holds, or several that follow each other."""

from dataclasses import dataclass

from serving.http2 import frames, hpack
from serving.http2.frames import Broken

LARGEST_BYTES = 32 * 1024
MOST_CONTINUATIONS = 32


@dataclass(frozen=True, kw_only=True)
class Head:
    """Header fields, whole.

    Attributes:
        number: of the stream.
        fields: in order.
        is_last: the client sends nothing more on that stream.
    """

    number: int
    fields: list[hpack.Field]
    is_last: bool


class Heads:
    """Of one connection."""

    def __init__(self) -> None:
        """Begins before the first."""
        self._reader = hpack.Reader()
        self._number, self._is_last, self._block, self._count = 0, False, b"", 0

    @property
    def is_within(self) -> bool:
        """Fields have begun that are not whole; no other frame may come."""
        return bool(self._number)

    def begin(self, flags: int, number: int, payload: bytes) -> Head | None:
        """Takes a frame of headers; returns them once they are whole.

        Raises:
            Broken: they are none, or more than may be.
        """
        has_priority = bool(flags & frames.HAS_PRIORITY)
        self._block = frames.without_padding(payload, flags, has_priority=has_priority)
        self._number, self._is_last = number, bool(flags & frames.END_STREAM)
        self._count = 0
        return self._whole(flags)

    def go_on(self, flags: int, number: int, payload: bytes) -> Head | None:
        """Takes a frame that goes on with them; as `begin`."""
        if not number or number != self._number:
            raise Broken(frames.PROTOCOL_ERROR, "no header fields go on")
        self._block += payload
        self._count += 1
        return self._whole(flags)

    def _whole(self, flags: int) -> Head | None:
        if len(self._block) > LARGEST_BYTES or self._count > MOST_CONTINUATIONS:
            raise Broken(frames.CALM, "there are too many header fields")
        if not flags & frames.END_HEADERS:
            return None
        number, self._number = self._number, 0
        try:
            fields = self._reader.fields(self._block)
        except ValueError as error:
            raise Broken(frames.COMPRESSION_ERROR, str(error)) from error
        return Head(number=number, fields=fields, is_last=self._is_last)
