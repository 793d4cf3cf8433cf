"""Bytes to frames. Large data go from the socket to where they are used without a stop in between.

Frames are read in a space that all connections of a process share, as they come one after the
other: what is not whole is kept apart, so a connection that is silent has next to nothing. Most of
a large message is received straight into the space that its receiver has for it.
"""

import time
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
LEAST_DATA_BYTES = 256
"""Who has more to send puts as much into one frame."""
_BEGINNING = (frames.HEADERS, frames.CONTINUATION)
"""Kinds of frames after which others must follow, unless it is said that these were all."""
MOST_FRAMES_AT_ONCE = 100
"""Then come the turns of others; so many calls take some ten milliseconds."""


class Receiver(Protocol):
    """Takes what the client sends on a stream; a call."""

    def space(self, most_bytes: int) -> memoryview:
        """Returns where the next bytes go, which are no more than these; empty for nowhere.

        It is asked until a frame ends, even if what it stands for is over by then.
        """

    def came(self, count: int) -> None:
        """So many bytes are there."""

    def ended(self) -> None:
        """The client sends no more."""

    def check_time(self, now: float, stood_still_seconds: float) -> None:
        """Ends what does not come in time; `now` in monotonic seconds."""

    def lost(self) -> None:
        """The stream is no more: the client has cancelled it, or has gone."""


class Handler(Protocol):
    """Who is told of frames; a connection."""

    def take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """A frame has come that holds no data."""

    def receiver(self, number: int) -> Receiver | None:
        """Returns who takes the data of a stream, None for nobody; raises where there is none."""

    def idled(self) -> None:
        """A frame has come with little or no data in it, and more are to follow."""

    def data_came(self, number: int, count: int) -> None:
        """So many bytes of data, and of what is around them, have come on a stream."""

    def data_ended(self, number: int) -> None:
        """The client sends no more on a stream."""


class Reading:
    """Of one connection.

    Attributes:
        has_more: something has come that is not looked at yet; `came` with nothing more goes on.
    """

    def __init__(self, handler: Handler, is_open: Callable[[], bool], scratch: bytearray) -> None:
        """Begins before the first byte.

        Args:
            handler: is told of frames.
            is_open: whether it still wants to be.
            scratch: of `SCRATCH_BYTES`; others use it in between.
        """
        self._handler, self._is_open = handler, is_open
        self._scratch, self._view = scratch, memoryview(scratch)
        self._filled, self._rest = 0, b""
        self._direct: Receiver | None = None
        self._receiver: Receiver | None = None
        self._number = self._flags = self._left = self._padding = self._size = 0
        self._since: float | None = time.monotonic()
        self._has_begun = False
        self.has_more = False

    def space(self) -> memoryview:
        """Returns where what comes next goes."""
        self._direct = None
        if self._left >= DIRECT_BYTES and not self._filled and self._receiver is not None:
            space = self._receiver.space(self._left)
            if len(space) >= DIRECT_BYTES:
                self._direct = self._receiver
                return space
        self._begin_scratch()
        return self._view[self._filled :]

    def came(self, count: int) -> None:
        """So many bytes more are there.

        Raises:
            Broken: they are not what they may be.
        """
        if self._direct is not None:
            direct, self._direct = self._direct, None
            self._data_came(count, 0)
            direct.came(count)
            self._end_data()
        else:
            if not count:
                self._begin_scratch()
            self._filled += count
            self._take_frames()
        if self._since is None and (self._filled or self._is_in_data):
            self._since = time.monotonic()

    def is_late(self, now: float, patience_seconds: float, slowest: float) -> bool:
        """Tells whether a frame has begun long ago and is not whole yet.

        Args:
            now: monotonic seconds.
            patience_seconds: that it may take.
            slowest: bytes a second, at which its own come beyond that.
        """
        if self._since is None or self.has_more:
            return False
        return now > self._since + patience_seconds + self._size / slowest

    def excuse(self, seconds: float) -> None:
        """So long this process did not run, and could read nothing."""
        if self._since is not None:
            self._since += seconds

    def stop(self) -> None:
        """Throws away what has come and what is still to come."""
        self._filled = self._left = self._padding = 0
        self._rest = b""
        self._since, self._direct, self.has_more = None, None, False

    def _begin_scratch(self) -> None:
        if self._filled:
            self._scratch[: self._filled] = self._rest

    def _take_frames(self) -> None:
        place, count = 0 if self._has_begun else self._begin(), 0
        self.has_more = False
        while self._has_begun and place < self._filled and self._is_open():
            if count == MOST_FRAMES_AT_ONCE:
                self.has_more = True
                break
            taken = self._take_data(place) if self._is_in_data else self._take_frame(place)
            if not taken:
                break
            place += taken
            count += 1
        if not self._is_open():
            return  # what is left is of no use
        self._rest = bytes(self._view[place : self._filled])
        self._filled -= place

    @property
    def _is_in_data(self) -> bool:
        return bool(self._left or self._padding)

    def _begin(self) -> int:
        """Takes what a connection begins with; until that is there, no frame can be."""
        wanted = len(frames.PREFACE)
        if not frames.PREFACE.startswith(bytes(self._view[: min(self._filled, wanted)])):
            raise Broken(frames.PROTOCOL_ERROR, "this is no HTTP/2")
        self._has_begun = self._filled >= wanted
        return wanted if self._has_begun else 0

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
        if kind not in _BEGINNING or flags & frames.END_HEADERS:
            self._since, self._size = None, 0
        elif self._since is None:
            self._since = time.monotonic()
        return frames.HEAD_BYTES + size

    def _begin_data(self, start: int, size: int, flags: int, number: int) -> int:
        self._receiver = self._handler.receiver(number)
        if size > LARGEST_FRAME_BYTES:
            raise Broken(frames.SIZE_ERROR, "a frame is larger than was agreed")
        before, padding = frames.HEAD_BYTES, 0
        if flags & frames.PADDED:
            if start >= self._filled:
                return 0
            padding, before, size = self._scratch[start], before + 1, size - 1
            if padding > size:
                raise Broken(frames.PROTOCOL_ERROR, "there is more padding than payload")
            self._handler.data_came(number, 1)
        self._number, self._flags = number, flags
        self._left, self._padding, self._size = size - padding, padding, size
        if self._left < LEAST_DATA_BYTES and not flags & frames.END_STREAM:
            self._handler.idled()
        if not size:
            self._end_data()
        return before

    def _take_data(self, place: int) -> int:
        """Copies data to who takes them; returns the bytes that were there, of padding too."""
        count = min(self._left, self._filled - place)
        padding = min(self._padding, self._filled - place - count)
        self._data_came(count, padding)
        given, receiver = 0, self._receiver
        while given < count and receiver is not None:
            space = receiver.space(count - given)
            size = len(space)
            if not size:
                break
            space[:] = self._view[place + given : place + given + size]
            receiver.came(size)
            given += size
        self._end_data()
        return count + padding

    def _data_came(self, count: int, padding: int) -> None:
        self._left -= count
        self._padding -= padding
        self._handler.data_came(self._number, count + padding)

    def _end_data(self) -> None:
        if self._is_in_data:
            return
        self._since, self._size, self._receiver = None, 0, None
        if self._flags & frames.END_STREAM:
            self._flags = 0
            self._handler.data_ended(self._number)
