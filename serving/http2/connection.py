"""One client's HTTP/2 connection: what each frame means for its streams.

Everything that a client could stretch has an end: fields, streams, answers that it does not take,
the time until its first words.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, cast

from serving.http2 import frames, hpack
from serving.http2.frames import Broken
from serving.http2.heads import Head, Heads
from serving.http2.outgoing import Outgoing
from serving.http2.reading import LARGEST_FRAME_BYTES, Reading, Receiver
from serving.http2.stream import Stream

LOG = logging.getLogger(__name__)
MOST_STREAMS = 250
"""Open at the same time: no single client can have all calls that there may be."""


class Owner(Protocol):
    """Of all connections of a process.

    Attributes:
        patience_seconds: for the first words of a connection, and for an answer to be taken.
        slowest_bytes_per_second: at which answers must be taken beyond that.
    """

    patience_seconds: float
    slowest_bytes_per_second: float

    def begin(self, stream: Stream) -> None:
        """A request has come: sets the stream's receiver, unless it is answered already."""

    def opened(self, connection: "Connection") -> None:
        """There is another connection."""

    def closed(self, connection: "Connection") -> None:
        """The connection is no more."""


class Connection(asyncio.BufferedProtocol):
    """Reads frames, opens and ends streams."""

    def __init__(self, owner: Owner) -> None:
        """Begins with nothing read."""
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, Stream] = {}
        self._outgoing = Outgoing(
            self._streams, owner.patience_seconds, owner.slowest_bytes_per_second
        )
        self._reading, self._heads = Reading(self, self._is_open), Heads()
        self._last = self._unread = 0
        self._is_ending = False
        self._late: asyncio.TimerHandle | None = None
        self._takes: dict[int, Callable[[int, int, bytes], None]] = {
            frames.HEADERS: self._begin_head,
            frames.CONTINUATION: self._go_on,
            frames.SETTINGS: self._settle,
            frames.WINDOW: self._widen,
            frames.PING: self._answer_ping,
            frames.RESET: self._lose,
            frames.PUSH: self._refuse_push,
            frames.GOAWAY: self._leave,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is called once, at the beginning."""
        self._transport = cast(asyncio.Transport, transport)
        self._outgoing.begin(self._transport)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(self._owner.patience_seconds, self._end_unless_begun)
        self._outgoing.write(
            frames.settings(
                {
                    frames.MOST_STREAMS: MOST_STREAMS,
                    frames.INITIAL_WINDOW: frames.WIDEST_WINDOW,
                    frames.LARGEST_FRAME: LARGEST_FRAME_BYTES,
                    frames.LARGEST_LIST: hpack.LARGEST_LIST,
                }
            )
            + _more_room(frames.WIDEST_WINDOW - frames.DEFAULT_WINDOW)
        )
        self._owner.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Gives the space where what comes next goes."""
        return self._reading.space()

    def buffer_updated(self, count: int) -> None:
        """So many bytes have come."""
        try:
            self._reading.came(count)
        except Broken as error:
            LOG.debug("an HTTP/2 connection is ended: %s", error)
            self._go_away(error.code)
            self.close()

    def eof_received(self) -> bool:
        """The client sends no more, and takes no more."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone, or the connection was closed here."""
        self._transport = None
        if self._late is not None:
            self._late.cancel()
        streams = list(self._streams.values())
        self._streams.clear()
        self._outgoing.end()
        for stream in streams:
            if stream.receiver is not None:
                stream.receiver.lost()
        self._owner.closed(self)

    def pause_writing(self) -> None:
        """The client takes its answers more slowly than they come."""
        self._outgoing.pause()

    def resume_writing(self) -> None:
        """It has taken them."""
        self._outgoing.resume()

    def check_time(self, now: float, stood_still_seconds: float = 0.0) -> None:
        """Ends the connection of a client that does not take its answers; see `Outgoing`."""
        self._outgoing.check_time(now, stood_still_seconds)

    def stop(self) -> None:
        """Takes no further streams; those that are open are answered."""
        if not self._is_ending:
            self._is_ending = True
            self._go_away(frames.NO_ERROR)
            self._close_if_done()

    def close(self) -> None:
        """Ends the connection once what was written is sent."""
        self._is_ending = True
        if self._transport is not None:
            self._transport.close()

    def flush(self, stream: Stream) -> None:
        """Sends of a stream what the client takes; forgets one whose answer is sent."""
        self._outgoing.flush(stream)
        if stream.is_answered and stream.number in self._streams:
            if not stream.is_whole:  # what else it sends is of no use
                self._reset(stream.number, frames.NO_ERROR)
            self._forget(stream)

    async def drained(self, stream: Stream) -> None:
        """Waits until what was sent on a stream is on its way."""
        await self._outgoing.drained(stream)

    async def room(self) -> None:
        """Waits while the client has too much that it does not take."""
        await self._outgoing.room()

    def made(self, size_bytes: int | None) -> None:
        """An answer is made, and sent, or never will be."""
        self._outgoing.made(size_bytes)

    def receiver(self, number: int) -> Receiver | None:
        """Returns who takes the data of a stream."""
        if self._heads.is_within or not number or number > self._last:
            raise Broken(frames.PROTOCOL_ERROR, "data come out of turn")
        stream = self._streams.get(number)
        return None if stream is None or stream.is_whole else stream.receiver

    def data_came(self, count: int) -> None:
        """Makes room for as many data as have come, long before there is none."""
        self._unread += count
        if self._unread > frames.WIDEST_WINDOW // 4:
            self._outgoing.reply(_more_room(self._unread))
            self._unread = 0

    def data_ended(self, number: int) -> None:
        """The client sends no more on a stream."""
        stream = self._streams.get(number)
        if stream is not None and not stream.is_whole:
            self._ended(stream)

    def take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Takes a frame that holds no data; one of a kind that is unknown is let pass."""
        if self._heads.is_within and kind != frames.CONTINUATION:
            raise Broken(frames.PROTOCOL_ERROR, "header fields are interrupted")
        take = self._takes.get(kind)
        if take is not None:
            take(flags, number, payload)

    def _is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def _end_unless_begun(self) -> None:
        if not self._reading.has_begun and self._transport is not None:
            self._transport.abort()

    def _begin_head(self, flags: int, number: int, payload: bytes) -> None:
        if not number % 2:
            raise Broken(frames.PROTOCOL_ERROR, "a client's streams have odd numbers")
        self._take_head(self._heads.begin(flags, number, payload))

    def _go_on(self, flags: int, number: int, payload: bytes) -> None:
        self._take_head(self._heads.go_on(flags, number, payload))

    def _take_head(self, head: Head | None) -> None:
        """Takes header fields: of a request, or what comes after its data."""
        if head is None:
            return
        if head.number > self._last:
            self._open(head)
            return
        stream = self._streams.get(head.number)
        if stream is not None and not stream.is_whole:
            if not head.is_last:
                raise Broken(frames.PROTOCOL_ERROR, "header fields come within data")
            self._ended(stream)

    def _open(self, head: Head) -> None:
        self._last = number = head.number
        if self._is_ending or len(self._streams) >= MOST_STREAMS:
            self._reset(number, frames.REFUSED)
            return
        stream = Stream(self, number, head.fields, self._outgoing.first_room)
        self._streams[number] = stream
        self._owner.begin(stream)
        if head.is_last and number in self._streams:
            self._ended(stream)

    def _ended(self, stream: Stream) -> None:
        stream.is_whole = True
        if stream.receiver is not None:
            stream.receiver.ended()

    def _settle(self, flags: int, number: int, payload: bytes) -> None:
        if number or (flags & frames.ACK and payload):
            raise Broken(frames.PROTOCOL_ERROR, "settings are of no stream")
        if not flags & frames.ACK:
            self._outgoing.settle(payload)
            self._flush_all()

    def _widen(self, flags: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise Broken(frames.SIZE_ERROR, "a window is a number of four bytes")
        more = int.from_bytes(payload, "big") & frames.STREAM_BITS
        if not more:
            raise Broken(frames.PROTOCOL_ERROR, "a window grows by at least 1")
        stream = self._streams.get(number)
        if stream is not None:
            self._outgoing.widen(stream, more)
            self.flush(stream)
        elif not number:
            self._outgoing.widen(None, more)
            self._flush_all()

    def _flush_all(self) -> None:
        for stream in list(self._streams.values()):
            if stream.unsent_bytes:
                self.flush(stream)

    def _answer_ping(self, flags: int, number: int, payload: bytes) -> None:
        if number or len(payload) != 8:
            raise Broken(frames.SIZE_ERROR, "a ping has eight bytes, and no stream")
        if not flags & frames.ACK:
            self._outgoing.reply(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _lose(self, flags: int, number: int, payload: bytes) -> None:
        if len(payload) != 4 or not number or number > self._last:
            raise Broken(frames.PROTOCOL_ERROR, "what is reset is no stream")
        stream = self._streams.get(number)
        if stream is not None:
            self._forget(stream)
            if stream.receiver is not None:
                stream.receiver.lost()

    def _refuse_push(self, flags: int, number: int, payload: bytes) -> None:
        raise Broken(frames.PROTOCOL_ERROR, "a client cannot push")

    def _leave(self, flags: int, number: int, payload: bytes) -> None:
        self._is_ending = True
        self._close_if_done()

    def _forget(self, stream: Stream) -> None:
        self._streams.pop(stream.number, None)
        self._outgoing.moved()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._is_ending and not self._streams:
            self.close()

    def _go_away(self, code: int) -> None:
        said = frames.number(self._last) + frames.number(code)
        self._outgoing.write(frames.frame(frames.GOAWAY, 0, 0, said))

    def _reset(self, number: int, code: int) -> None:
        self._outgoing.reply(frames.frame(frames.RESET, 0, number, frames.number(code)))


def _more_room(count: int) -> bytes:
    return frames.frame(frames.WINDOW, 0, 0, frames.number(count))
