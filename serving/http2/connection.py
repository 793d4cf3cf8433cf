"""One client's HTTP/2 connection: bytes in and out, and its end.

Everything that a client could stretch has an end: fields, streams, answers that it does not take,
frames that ask for nothing, the time until its first words and until each frame is whole. A client
that sends much at once is read bit by bit, so that the others' turn comes in between.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Protocol, cast

from serving.http2 import frames, hpack
from serving.http2.dispatch import Dispatch
from serving.http2.frames import Broken
from serving.http2.outgoing import Outgoing
from serving.http2.reading import LARGEST_FRAME_BYTES, Reading
from serving.http2.stream import FIRST_WINDOW, Stream
from serving.http2.streams import MOST_STREAMS, Streams

LOG = logging.getLogger(__name__)
LINGER_SECONDS = 2.0
"""For a client to read the last that it is told, and to close its side."""


class Owner(Protocol):
    """Of all connections of a process.

    Attributes:
        patience_seconds: for the first words of a connection, for a frame to be whole, and for an
            answer to be taken.
        slowest_bytes_per_second: at which frames must come, and answers be taken, beyond that.
        scratch: where all of them read.
    """

    patience_seconds: float
    slowest_bytes_per_second: float
    scratch: bytearray

    def begin(self, stream: Stream) -> None:
        """A request has come: sets the stream's receiver, unless it is answered already."""

    def opened(self, connection: "Connection") -> None:
        """There is another connection."""

    def rested(self, connection: "Connection") -> None:
        """The connection's last request is answered."""

    def closed(self, connection: "Connection") -> None:
        """The connection is no more."""


class Connection(asyncio.BufferedProtocol):
    """Has what comes read, sends what goes, and ends."""

    def __init__(self, owner: Owner) -> None:
        """Begins with nothing read."""
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._outgoing = Outgoing(owner.patience_seconds, owner.slowest_bytes_per_second)
        self._streams = Streams(self, self._outgoing, owner.begin)
        dispatch = Dispatch(self._streams, self._outgoing, self.flush, self._look_for_end)
        self._reading = Reading(dispatch, self._is_open, owner.scratch)
        self._lingers_until: float | None = None

    @property
    def streams(self) -> Iterable[Stream]:
        """Those that are open."""
        return self._streams.open.values()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is called once, at the beginning."""
        self._transport = cast(asyncio.Transport, transport)
        self._outgoing.begin(self._transport)
        self._outgoing.write(
            frames.settings(
                {
                    frames.MOST_STREAMS: MOST_STREAMS,
                    frames.INITIAL_WINDOW: FIRST_WINDOW,
                    frames.LARGEST_FRAME: LARGEST_FRAME_BYTES,
                    frames.LARGEST_LIST: hpack.LARGEST_LIST,
                }
            )
            + frames.more_room(0, frames.WIDEST_WINDOW - frames.DEFAULT_WINDOW)
        )
        self._owner.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Gives the space where what comes next goes."""
        return self._reading.space()

    def buffer_updated(self, count: int) -> None:
        """So many bytes have come."""
        if self._lingers_until is not None:
            return
        self._read(count)
        if self._reading.has_more and self._transport is not None and self._is_open():
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._read_on)

    def eof_received(self) -> bool:
        """The client sends no more, and takes no more."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone, or the connection was closed here."""
        self._transport = None
        self._outgoing.end()
        self._streams.lose_all()
        self._owner.closed(self)

    def pause_writing(self) -> None:
        """The client takes its answers more slowly than they come."""
        self._outgoing.pause()

    def resume_writing(self) -> None:
        """It has taken them."""
        self._outgoing.resume()

    def check_time(self, now: float, stood_still_seconds: float = 0.0) -> None:
        """Ends the connection of a client that is too slow; see `Outgoing` and `Reading`."""
        self._outgoing.check_time(now, stood_still_seconds)
        self._reading.excuse(stood_still_seconds)
        if self._lingers_until is not None and self._transport is not None:
            if now > self._lingers_until:
                self._transport.abort()
            return
        self._streams.check_time(now, stood_still_seconds)
        patience, slowest = self._owner.patience_seconds, self._owner.slowest_bytes_per_second
        if self._is_open() and self._reading.is_late(now, patience, slowest):
            self._break_off(Broken(frames.CALM, "a frame, or what goes with it, is not whole"))

    def stop(self) -> None:
        """Takes no further streams; those that are open are answered."""
        if not self._streams.is_closing:
            self._streams.is_closing = True
            self._go_away(frames.NO_ERROR)
            self._look_for_end()

    def close(self) -> None:
        """Ends the connection at once, but for what was written."""
        self._streams.is_closing = True
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """Ends the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def flush(self, stream: Stream) -> None:
        """Sends of a stream what the client takes; forgets one whose answer is sent."""
        self._outgoing.flush(stream)
        if stream.is_answered and stream.number in self._streams.open:
            self._streams.answered(stream)
            self._outgoing.moved()
            self._look_for_end()

    async def drained(self, stream: Stream) -> None:
        """Waits until what was sent on a stream is on its way."""
        await self._outgoing.drained(stream)

    async def room(self) -> None:
        """Waits while the client has too much that it does not take."""
        await self._outgoing.room()

    def made(self, size_bytes: int | None) -> None:
        """An answer is made, and sent, or never will be."""
        self._outgoing.made(size_bytes)

    def allow(self, stream: Stream, count: int) -> None:
        """Lets the client send so many bytes more of a stream."""
        stream.window += count
        self._outgoing.reply(frames.more_room(stream.number, count))

    def _read(self, count: int) -> None:
        try:
            self._reading.came(count)
        except Broken as error:
            self._break_off(error)

    def _read_on(self) -> None:
        """Goes on with what came, now that others have had their turn."""
        if self._transport is None or not self._is_open():
            return
        self._read(0)
        if self._reading.has_more:
            asyncio.get_running_loop().call_soon(self._read_on)
        elif self._is_open():
            self._transport.resume_reading()

    def _break_off(self, error: Broken) -> None:
        LOG.debug("an HTTP/2 connection is ended: %s", error)
        self._go_away(error.code)
        self._streams.lose_all()
        self._linger()

    def _is_open(self) -> bool:
        is_there = self._transport is not None and not self._transport.is_closing()
        return is_there and self._lingers_until is None

    def _look_for_end(self) -> None:
        """Ends the connection if it is to end, and nothing is open any more."""
        if self._streams.open:
            return
        if self._streams.is_closing:
            self._linger()
        else:
            self._owner.rested(self)

    def _linger(self) -> None:
        """Ends the connection; what still comes is thrown away.

        Closing at once would reset it, and the client might never see what it was told last.
        """
        if self._transport is None or not self._is_open():
            return
        self._streams.is_closing = True
        self._lingers_until = time.monotonic() + LINGER_SECONDS
        self._reading.stop()
        self._transport.resume_reading()
        self._transport.write_eof()

    def _go_away(self, code: int) -> None:
        said = frames.number(self._streams.last) + frames.number(code)
        self._outgoing.write(frames.frame(frames.GOAWAY, 0, 0, said))
