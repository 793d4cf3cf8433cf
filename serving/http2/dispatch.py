"""Which frame is for whom, and what those mean that are for all of a connection."""

from collections.abc import Callable

from serving.http2 import frames
from serving.http2.frames import Broken
from serving.http2.heads import Head, Heads
from serving.http2.outgoing import Outgoing
from serving.http2.reading import Receiver
from serving.http2.stream import Stream
from serving.http2.streams import Streams


class Dispatch:
    """Takes the frames of one connection."""

    def __init__(
        self,
        streams: Streams,
        outgoing: Outgoing,
        flush: Callable[[Stream], None],
        look_for_end: Callable[[], None],
    ) -> None:
        """Begins before the first frame.

        Args:
            streams: those of the connection.
            outgoing: what goes to the client.
            flush: sends of a stream what the client takes.
            look_for_end: is called when no stream may be left.
        """
        self._streams, self._outgoing = streams, outgoing
        self._flush, self._look_for_end = flush, look_for_end
        self._heads = Heads()
        self._unread = 0
        self._is_settled = False
        self._takes: dict[int, Callable[[int, int, bytes], None]] = {
            frames.HEADERS: self._begin_head,
            frames.CONTINUATION: self._go_on_with_head,
            frames.SETTINGS: self._settle,
            frames.WINDOW: self._widen,
            frames.PING: self._answer_ping,
            frames.RESET: self._lose,
            frames.PUSH: self._refuse_push,
            frames.GOAWAY: self._leave,
        }

    def receiver(self, number: int) -> Receiver | None:
        """Returns who takes the data of a stream."""
        if self._heads.is_within:
            raise Broken(frames.PROTOCOL_ERROR, "data come out of turn")
        return self._streams.receiver(number)

    def data_came(self, number: int, count: int) -> None:
        """Makes room for as many data as have come; a stream's own is its receiver's to make."""
        self._streams.data_came(number, count)
        self._unread += count
        if self._unread > frames.WIDEST_WINDOW // 4:
            self._outgoing.reply(frames.more_room(0, self._unread))
            self._unread = 0

    def data_ended(self, number: int) -> None:
        """The client sends no more on a stream."""
        self._streams.data_ended(number)

    def idled(self) -> None:
        """A frame has come with little or no data in it, and more are to follow."""
        self._outgoing.calm.spend()

    def take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Takes a frame that holds no data; one of a kind that is unknown is let pass."""
        if self._heads.is_within and kind != frames.CONTINUATION:
            raise Broken(frames.PROTOCOL_ERROR, "header fields are interrupted")
        if not self._is_settled and kind != frames.SETTINGS:
            raise Broken(frames.PROTOCOL_ERROR, "a connection begins with settings")
        take = self._takes.get(kind)
        if take is None:
            self._outgoing.calm.spend()
        else:
            take(flags, number, payload)

    def _begin_head(self, flags: int, number: int, payload: bytes) -> None:
        self._take_head(self._heads.begin(flags, number, payload))

    def _go_on_with_head(self, flags: int, number: int, payload: bytes) -> None:
        self._take_head(self._heads.go_on(flags, number, payload))

    def _take_head(self, head: Head | None) -> None:
        if head is not None:
            self._streams.take_head(head)
            self._look_for_end()

    def _settle(self, flags: int, number: int, payload: bytes) -> None:
        if number or (flags & frames.ACK and payload):
            raise Broken(frames.PROTOCOL_ERROR, "settings are of no stream")
        self._is_settled = True
        self._outgoing.calm.spend()
        if not flags & frames.ACK:
            self._outgoing.settle(payload)
            self._flush_all()

    def _widen(self, flags: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise Broken(frames.SIZE_ERROR, "a window is a number of four bytes")
        more = int.from_bytes(payload, "big") & frames.STREAM_BITS
        if not more:
            raise Broken(frames.PROTOCOL_ERROR, "a window grows by at least 1")
        self._outgoing.calm.spend()
        stream = self._streams.open.get(number)
        if stream is not None:
            self._outgoing.widen(stream, more)
            self._flush(stream)
        elif not number:
            self._outgoing.widen(None, more)
            self._flush_all()
        elif number > self._streams.last:
            raise Broken(frames.PROTOCOL_ERROR, "a window is of a stream that is not open yet")

    def _flush_all(self) -> None:
        for stream in list(self._streams.open.values()):
            if stream.unsent_bytes:
                self._flush(stream)

    def _answer_ping(self, flags: int, number: int, payload: bytes) -> None:
        if number or len(payload) != 8:
            raise Broken(frames.SIZE_ERROR, "a ping has eight bytes, and no stream")
        self._outgoing.calm.spend()
        if not flags & frames.ACK:
            self._outgoing.reply(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _lose(self, flags: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise Broken(frames.SIZE_ERROR, "the code of a reset has four bytes")
        self._outgoing.calm.spend()
        self._streams.lose(number)
        self._outgoing.moved()
        self._look_for_end()

    def _refuse_push(self, flags: int, number: int, payload: bytes) -> None:
        raise Broken(frames.PROTOCOL_ERROR, "a client cannot push")

    def _leave(self, flags: int, number: int, payload: bytes) -> None:
        self._outgoing.calm.spend()
        self._streams.is_closing = True
        self._look_for_end()
