"""One request of a connection and its answer, as far as HTTP/2 knows of them."""

from collections import deque
from typing import TYPE_CHECKING

from serving.http2 import frames
from serving.http2.reading import Receiver

if TYPE_CHECKING:
    from serving.http2.connection import Connection
    from serving.http2.hpack import Field


FIRST_WINDOW = 2**20
"""Bytes that a client may send on a stream before it is let send more."""


class Stream:
    """A stream that is open.

    Attributes:
        number: the client's.
        fields: of its request.
        room: bytes of data that the client takes.
        window: bytes of data that it may send.
        receiver: who takes what the client sends.
        is_whole: the client has sent all of it.
        unsent_bytes: of the answer, that the client does not take yet.
        late_at: monotonic seconds, when it ought to have taken them.
    """

    def __init__(
        self, connection: "Connection", number: int, fields: "list[Field]", room: int
    ) -> None:
        """Opens with nothing to send."""
        self.number, self.fields, self.room = number, fields, room
        self.window = FIRST_WINDOW
        self.receiver: Receiver | None = None
        self.is_whole = False
        self.unsent_bytes, self.late_at = 0, float("inf")
        self._connection = connection
        self._unsent: deque[tuple[int, memoryview]] = deque()
        self._is_last_sent = False

    def send(self, *parts: tuple[int, bytes], is_last: bool) -> None:
        """Sends frames' kinds and payloads, as far as the client takes them; the others later.

        Args:
            parts: blocks of header fields, and data of any length.
            is_last: nothing follows.
        """
        self._unsent += [(kind, memoryview(payload)) for kind, payload in parts]
        self.unsent_bytes += sum(len(payload) for _, payload in parts)
        self._is_last_sent = is_last
        self._connection.flush(self)

    def allow(self, count: int) -> None:
        """Lets the client send so many bytes more."""
        self._connection.allow(self, count)

    async def drained(self) -> None:
        """Waits until the client has taken what was sent, or nearly."""
        await self._connection.drained(self)

    async def has_room(self) -> None:
        """Waits while the client has too many answers that it does not take; then call `made`."""
        await self._connection.room()

    def made(self, size_bytes: int | None) -> None:
        """An answer is made, and sent, or never will be."""
        self._connection.made(size_bytes)

    def taken(self, room: int, largest_frame: int) -> tuple[list[bytes | memoryview], int]:
        """Takes what may be sent now.

        Args:
            room: bytes of data that the client takes on all streams together.
            largest_frame: bytes of payload that it takes in one.

        Returns:
            The frames, and the bytes of data in them.
        """
        found: list[bytes | memoryview] = []
        used = 0
        while self._unsent:
            kind, payload = self._unsent.popleft()
            size = len(payload)
            if kind == frames.DATA and size:
                size = min(size, room - used, self.room, largest_frame)
                if size <= 0:
                    self._unsent.appendleft((kind, payload))
                    break
                used += size
                self.room -= size
                if size < len(payload):
                    self._unsent.appendleft((kind, payload[size:]))
            is_end = self._is_last_sent and not self._unsent
            flags = frames.END_STREAM if is_end else 0
            flags |= frames.END_HEADERS if kind == frames.HEADERS else 0
            found += [frames.head(size, kind, flags, self.number), payload[:size]]
            self.unsent_bytes -= size
        return found, used

    @property
    def is_answered(self) -> bool:
        """All of the answer is sent."""
        return self._is_last_sent and not self._unsent
