"""Bytes to frames. Large data go from the socket to where they are used without a stop in between.

Frames are read in a small space of the connection's own, but for data: most of a large message is
received straight into the space that its receiver has for it.
"""

from collections.abc import Callable
from typing import Protocol

from serving.http2 import frames
from serving.http2.frames import Broken

SCRATCH_BYTES = 64 * 1024
DIRECT_BYTES = 16 * 1024
"""Fewer data than these are copied out of the scratch."""
LARGEST_FRAME_BYTES = 2**20
LARGEST_OTHER_BYTES = 32 * 1024
"""Of a frame that holds no data."""


class Receiver(Protocol):
    """Takes what the client sends on a stream; a call."""

    def space(self, most_bytes: int) -> memoryview:
        """Returns where the next bytes go, which are no more than these; empty for nowhere."""

    def came(self, count: int) -> None:
        """So many bytes are there."""

    def ended(self) -> None:
        """The client sends no more."""

    def lost(self) -> None:
        """The stream is no more: the client has cancelled it, or has gone."""


class Handler(Protocol):
    """Who is told of frames; a connection."""

    def take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """A frame has come that holds no data."""

    def receiver(self, number: int) -> Receiver | None:
        """Returns who takes the data of a stream, None for nobody; raises where there is none."""

    def data_came(self, count: int) -> None:
        """So many bytes of data, and of what is around them, have come."""

    def data_ended(self, number: int) -> None:
        """The client sends no more on a stream."""


class Reading:
    """Of one connection."""

    def __init__(self, handler: Handler, is_open: Callable[[], bool]) -> None:
        """Begins before the first byte.

        Args:
            handler: is told of frames.
            is_open: whether it still wants to be.
        """
        self._handler, self._is_open = handler, is_open
        self._scratch = bytearray(SCRATCH_BYTES)
        self._view = memoryview(self._scratch)
        self._filled = 0
        self._direct: Receiver | None = None
        self._number = self._flags = self._left = self._padding = 0
        self.has_begun = False

    def space(self) -> memoryview:
        """Returns where what comes next goes."""
        self._direct = None
        if self._left >= DIRECT_BYTES and not self._filled:
            receiver = self._handler.receiver(self._number)
            space = receiver.space(self._left) if receiver else memoryview(b"")
            if len(space) >= DIRECT_BYTES:
                self._direct = receiver
                return space
        return self._view[self._filled :]

    def came(self, count: int) -> None:
        """So many bytes are there.

        Raises:
            Broken: they are not what they may be.
        """
        if self._direct is not None:
            direct, self._direct = self._direct, None
            direct.came(count)
            self._data_came(count, 0)
            return
        self._filled += count
        place = 0 if self.has_begun else self._begin()
        while place < self._filled and self._is_open():
            taken = self._take_data(place) if self._is_in_data else self._take_frame(place)
            if not taken:
                break
            place += taken
        left = self._filled - place
        if place and left:
            self._scratch[:left] = self._scratch[place : self._filled]
        self._filled = left

    @property
    def _is_in_data(self) -> bool:
        return bool(self._left or self._padding)

    def _begin(self) -> int:
        """Takes what a connection begins with; until that is there, no frame can be."""
        wanted = len(frames.PREFACE)
        if not frames.PREFACE.startswith(bytes(self._view[: min(self._filled, wanted)])):
            raise Broken(frames.PROTOCOL_ERROR, "this is no HTTP/2")
        self.has_begun = self._filled >= wanted
        return wanted if self.has_begun else 0

    def _take_frame(self, place: int) -> int:
        """Takes a frame, or what stands before data; returns its bytes, 0 where it is not whole."""
        start = place + frames.HEAD_BYTES
        if self._filled < start:
            return 0
        size, kind, flags, number = frames.read_head(self._scratch, place)
        if kind == frames.DATA:
            return self._begin_data(start, size, flags, number)
        if size > LARGEST_OTHER_BYTES:
            raise Broken(frames.SIZE_ERROR, "a frame is too large for its kind")
        if start + size > self._filled:
            return 0
        self._handler.take(kind, flags, number, bytes(self._view[start : start + size]))
        return frames.HEAD_BYTES + size

    def _begin_data(self, start: int, size: int, flags: int, number: int) -> int:
        self._handler.receiver(number)
        if size > LARGEST_FRAME_BYTES:
            raise Broken(frames.SIZE_ERROR, "a frame is larger than was agreed")
        before, padding = frames.HEAD_BYTES, 0
        if flags & frames.PADDED:
            if start >= self._filled:
                return 0
            padding, before, size = self._scratch[start], before + 1, size - 1
            if padding > size:
                raise Broken(frames.PROTOCOL_ERROR, "there is more padding than payload")
            self._handler.data_came(1)
        self._number, self._flags = number, flags
        self._left, self._padding = size - padding, padding
        if not size:
            self._data_came(0, 0)
        return before

    def _take_data(self, place: int) -> int:
        """Copies data to who takes them; returns the bytes that were there, of padding too."""
        count = min(self._left, self._filled - place)
        given = 0
        while given < count:
            receiver = self._handler.receiver(self._number)
            space = receiver.space(count - given) if receiver else memoryview(b"")
            if receiver is None or not space:
                break
            size = len(space)
            space[:] = self._view[place + given : place + given + size]
            receiver.came(size)
            given += size
        padding = min(self._padding, self._filled - place - count)
        self._data_came(count, padding)
        return count + padding

    def _data_came(self, count: int, padding: int) -> None:
        self._left -= count
        self._padding -= padding
        self._handler.data_came(count + padding)
        if not self._is_in_data and self._flags & frames.END_STREAM:
            self._flags = 0
            self._handler.data_ended(self._number)
