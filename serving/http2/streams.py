"""Which streams of a connection are open, and what becomes of frames for one that is not."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from serving.http2 import fields, frames
from serving.http2.frames import Broken
from serving.http2.heads import Head
from serving.http2.outgoing import Outgoing
from serving.http2.reading import Receiver
from serving.http2.stream import Stream

if TYPE_CHECKING:
    from serving.http2.connection import Connection

MOST_STREAMS = 250
"""Open at the same time: no single client can have all calls that there may be."""
MOST_CUT = 1000
"""Streams that were ended early and are remembered."""


class Streams:
    """Of one connection.

    Attributes:
        open: those that are neither answered nor lost, by number.
        last: the highest number that was opened.
        is_closing: no more are opened.
    """

    def __init__(
        self, connection: "Connection", outgoing: Outgoing, begin: Callable[[Stream], None]
    ) -> None:
        """Begins with none.

        Args:
            connection: theirs.
            outgoing: what goes to its client.
            begin: is told of each.
        """
        self.open = outgoing.streams
        self.last = 0
        self.is_closing = False
        self._connection, self._outgoing, self._begin = connection, outgoing, begin
        self._cut: dict[int, None] = {}
        self._proper: object = None

    def take_head(self, head: Head) -> None:
        """Takes header fields: of a request, or what comes after its data.

        Raises:
            Broken: they cannot come now.
        """
        if head.number > self.last:
            self._open(head)
            return
        stream = self.find(head.number)
        if stream is None:
            self._outgoing.calm.spend()
        elif stream.is_whole:
            raise Broken(frames.CLOSED, "header fields come after the last")
        elif not head.is_last:
            raise Broken(frames.PROTOCOL_ERROR, "header fields come within data")
        else:
            self._ended(stream)

    def find(self, number: int) -> Stream | None:
        """Returns a stream; None where it was ended before the client had sent all of it.

        Raises:
            Broken: it was never opened, or the client itself has ended it.
        """
        if not number or number > self.last:
            raise Broken(frames.PROTOCOL_ERROR, "a frame is for a stream that is not open yet")
        stream = self.open.get(number)
        if stream is None and number not in self._cut:
            raise Broken(frames.CLOSED, "a frame is for a stream that is closed")
        return stream

    def receiver(self, number: int) -> Receiver | None:
        """Returns who takes the data of a stream; raises as `find`."""
        stream = self.find(number)
        if stream is not None and stream.is_whole:
            raise Broken(frames.CLOSED, "data come after the last")
        return None if stream is None else stream.receiver

    def data_came(self, number: int, count: int) -> None:
        """So many bytes have come on a stream.

        Raises:
            Broken: they are more than may come.
        """
        stream = self.open.get(number)
        if stream is not None:
            stream.window -= count
            if stream.window < 0:
                raise Broken(frames.FLOW_ERROR, "more data come than the window is wide")

    def data_ended(self, number: int) -> None:
        """The client sends no more on a stream."""
        stream = self.open.get(number)
        if stream is not None and not stream.is_whole:
            self._ended(stream)

    def lose(self, number: int) -> None:
        """The client wants no answer any more.

        Raises:
            Broken: there never was such a stream.
        """
        if not number or number > self.last:
            raise Broken(frames.PROTOCOL_ERROR, "what is reset is no stream")
        stream = self.open.pop(number, None)
        if stream is not None:
            self._let_go(stream)

    def lose_all(self) -> None:
        """The client has gone."""
        left = list(self.open.values())
        self.open.clear()
        for stream in left:
            self._let_go(stream)

    def check_time(self, now: float, stood_still_seconds: float) -> None:
        """Ends requests that do not come in time."""
        for stream in list(self.open.values()):
            if not stream.is_whole and stream.receiver is not None:
                stream.receiver.check_time(now, stood_still_seconds)

    def answered(self, stream: Stream) -> None:
        """All of an answer is sent; what else the client sends of its request is of no use."""
        if not stream.is_whole:
            self._cut_off(stream.number, frames.NO_ERROR)
        self.open.pop(stream.number, None)
        stream.receiver = None  # which has the stream: both go now, and not when cycles are sought
        self._outgoing.calm.answered()

    def _open(self, head: Head) -> None:
        if not head.number % 2:
            raise Broken(frames.PROTOCOL_ERROR, "a client's streams have odd numbers")
        self.last = number = head.number
        if self.is_closing or len(self.open) >= MOST_STREAMS:
            self._outgoing.calm.spend()
            self._cut_off(number, frames.REFUSED)
            return
        if head.fields is not self._proper and not fields.are_proper(head.fields):
            self._outgoing.calm.spend()
            self._cut_off(number, frames.PROTOCOL_ERROR)
            return
        self._proper = head.fields  # a client says the same again and again
        stream = self.open[number] = Stream(
            self._connection, number, head.fields, self._outgoing.first_room
        )
        self._begin(stream)
        if head.is_last and number in self.open:
            self._ended(stream)

    def _let_go(self, stream: Stream) -> None:
        """The client has gone from a stream."""
        receiver, stream.receiver = stream.receiver, None
        if receiver is not None:
            receiver.lost()

    def _ended(self, stream: Stream) -> None:
        stream.is_whole = True
        if stream.receiver is not None:
            stream.receiver.ended()

    def _cut_off(self, number: int, code: int) -> None:
        """Ends a stream of which the client may have more on its way."""
        self._outgoing.reply(frames.frame(frames.RESET, 0, number, frames.number(code)))
        self._cut[number] = None
        if len(self._cut) > MOST_CUT:
            del self._cut[next(iter(self._cut))]
