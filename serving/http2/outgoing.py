"""What goes to one client: as much as it takes, and an end with one that takes nothing.

By HTTP/2 a client says how much it takes, of each answer and of all together. What it does not take
is kept, so there is a limit to it, and to the time.
"""

import asyncio
import time

from serving.http1.pace import Pace
from serving.http2 import frames
from serving.http2.calm import Calm
from serving.http2.frames import Broken
from serving.http2.stream import Stream

MOST_BYTES = 16 * 2**20
"""Of a client's answers, those that are being made and those that it has not taken; where the next
would be beyond, its calls wait."""
FIRST_GUESS_BYTES = 4 * 2**20
"""Of an answer's size: what grpc's clients take unless they are told otherwise."""
SHARE_OF_LAST = 1 / 8
"""With which a guess follows the answers."""
MOST_REPLY_BYTES = 256 * 1024
"""Of answers to settings and pings, of resets, and of words that a call has failed, that the client
does not take."""


class Outgoing:
    """Of one connection.

    Attributes:
        first_room: bytes of data that the client takes on a stream when it opens.
        streams: those that are open, by number; see `Streams`.
        calm: how much the client may ask that comes to nothing.
    """

    def __init__(self, patience_seconds: float, slowest_bytes_per_second: float) -> None:
        """Begins with nothing written.

        Args:
            patience_seconds: for an answer to be taken, beyond the time of the slowest pace.
            slowest_bytes_per_second: at which answers must be taken.
        """
        self.first_room, self.calm = frames.DEFAULT_WINDOW, Calm()
        self.streams: dict[int, Stream] = {}
        self._patience, self._slowest = patience_seconds, slowest_bytes_per_second
        self._pace = Pace(patience_seconds, slowest_bytes_per_second)  # of the client's system
        self._window_pace = Pace(patience_seconds, slowest_bytes_per_second)  # of the client
        self._transport: asyncio.Transport | None = None
        self._room, self._largest_frame = frames.DEFAULT_WINDOW, frames.DEFAULT_FRAME
        self._reply_bytes = self._making = 0
        self._guess_bytes = float(FIRST_GUESS_BYTES)
        self._writable, self._moved = asyncio.Event(), asyncio.Event()
        self._writable.set()

    def begin(self, transport: asyncio.Transport) -> None:
        """The connection is made."""
        self._transport = transport

    def end(self) -> None:
        """The connection is no more: nobody waits any longer."""
        self._transport = None
        self._writable.set()
        self._moved.set()

    def pause(self) -> None:
        """The client's system takes no more just now."""
        self._writable.clear()

    def resume(self) -> None:
        """It does again."""
        self._writable.set()
        self._moved.set()

    def write(self, content: bytes) -> None:
        """Writes what no window holds back."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(content)
            self._pace.wrote(len(content))

    def reply(self, content: bytes) -> None:
        """Answers what wants an answer; a client that asks and does not read is ended."""
        self.write(content)
        self._count_reply(len(content))

    def _count_reply(self, size_bytes: int) -> None:
        self._reply_bytes = 0 if self._writable.is_set() else self._reply_bytes + size_bytes
        if self._reply_bytes > MOST_REPLY_BYTES and self._transport is not None:
            self._transport.abort()

    def flush(self, stream: Stream) -> None:
        """Sends of a stream what the client takes."""
        parts, used = stream.taken(self._room, self._largest_frame)
        self._room -= used
        if parts:
            content = b"".join(parts)
            self.write(content)
            self._moved.set()
            if used:
                self.calm.sent(used)
                self._window_pace.wrote(used)
            else:
                self._count_reply(len(content))
        if not stream.unsent_bytes:
            stream.late_at = float("inf")
        elif stream.late_at == float("inf"):
            seconds = self._patience + stream.unsent_bytes / self._slowest
            stream.late_at = time.monotonic() + seconds

    def settle(self, payload: bytes) -> None:
        """Takes the client's settings.

        Raises:
            Broken: one of them may not be.
        """
        settings = frames.read_settings(payload)
        self._largest_frame = settings.get(frames.LARGEST_FRAME, self._largest_frame)
        first_room = settings.get(frames.INITIAL_WINDOW, self.first_room)
        for stream in self.streams.values() if first_room != self.first_room else ():
            stream.room += first_room - self.first_room
            if stream.room > frames.WIDEST_WINDOW:
                raise Broken(frames.FLOW_ERROR, "a window cannot be of that size")
        self.first_room = first_room
        self.reply(frames.frame(frames.SETTINGS, frames.ACK, 0))

    def widen(self, stream: Stream | None, more: int) -> None:
        """The client takes more, of a stream, or, where there is None, of all together.

        Raises:
            Broken: that is more than may be.
        """
        if stream is not None:
            stream.room += more
        else:
            self._room += more
        if max(self._room, stream.room if stream else 0) > frames.WIDEST_WINDOW:
            raise Broken(frames.FLOW_ERROR, "a window cannot be of that size")

    def moved(self) -> None:
        """Something was sent, or is not to be sent any more: those who wait look again."""
        self._moved.set()

    async def drained(self, stream: Stream) -> None:
        """Waits until what was sent on a stream is on its way."""
        while stream.unsent_bytes and stream.number in self.streams:
            await self._move()
        await self._writable.wait()

    async def room(self) -> None:
        """Waits until another answer may be made, judged by the last ones; one always may.

        `made` is to be called afterwards.
        """
        while not self._has_room():
            await self._move()
        self._making += 1

    def made(self, size_bytes: int | None) -> None:
        """An answer is made, and sent, or never will be."""
        self._making -= 1
        if size_bytes is not None:
            self._guess_bytes += (size_bytes - self._guess_bytes) * SHARE_OF_LAST
        self._moved.set()

    def check_time(self, now: float, stood_still_seconds: float) -> None:
        """Ends the connection of a client that does not take its answers in time.

        Args:
            now: monotonic seconds.
            stood_still_seconds: for so long this process did not run.
        """
        if self._transport is None:
            return
        self._pace.excuse(stood_still_seconds)
        self._window_pace.excuse(stood_still_seconds)
        is_late = self._pace.is_too_slow(self._transport, now)
        is_late |= self._window_pace.is_held_back(self._held_bytes(), now)
        for stream in self.streams.values():
            stream.late_at += stood_still_seconds
            is_late |= now > stream.late_at
        if is_late:
            self._transport.abort()

    def _has_room(self) -> bool:
        if self._transport is None:
            return True  # nobody waits any longer
        untaken = self._untaken_bytes()
        is_first = not (self._making or untaken)
        return is_first or untaken + (self._making + 1) * self._guess_bytes <= MOST_BYTES

    def _untaken_bytes(self) -> int:
        written = self._transport.get_write_buffer_size() if self._transport else 0
        return written + self._held_bytes()

    def _held_bytes(self) -> int:
        """Returns how much of answers the client does not let come."""
        return sum(stream.unsent_bytes for stream in self.streams.values())

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()
