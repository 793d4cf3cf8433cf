"""A gRPC call: what it asks, until when, and answers into its stream.

Source: grpc/grpc doc/PROTOCOL-HTTP2.md.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Protocol
from urllib.parse import quote

from serving.errors import BadInput, ServingError, Unavailable
from serving.http2 import frames, hpack
from serving.http2.stream import Stream
from serving.rpc import incoming
from serving.rpc.incoming import PREFIX, Incoming

CODES = {
    "OK": 0,
    "CANCELLED": 1,
    "INVALID_ARGUMENT": 3,
    "DEADLINE_EXCEEDED": 4,
    "NOT_FOUND": 5,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "DATA_LOSS": 15,
}
LONGEST_DETAILS = 1000
"""Characters; what clients take of header fields is not much more."""
_STARTS = b"\x88" + hpack.literal(b"content-type", b"application/grpc")
"""`:status` 200, from the static table."""
_ACCEPTS = hpack.literal(b"grpc-accept-encoding", b"identity,deflate,gzip")
_FINE = hpack.literal(b"grpc-status", b"0")
_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


class Owner(incoming.Owner, Protocol):
    """Of all calls of a process."""

    def ready(self, call: "Call") -> None:
        """All that a client sends is there: the call can be answered."""

    def went_on(self, call: "Call") -> None:
        """More of a call has come, and it is not whole yet."""

    def over(self, call: "Call") -> None:
        """Nothing of a call is to come any more."""


class Call:
    """One call; the receiver of its stream.

    Attributes:
        path: of the method.
        deadline: monotonic seconds.
        task: that answers it; None before there is one.
        is_late: its deadline is over.
        is_over: it is answered, or its client has gone.
    """

    def __init__(self, stream: Stream, owner: Owner) -> None:
        """Begins with no message."""
        self._stream, self._owner = stream, owner
        fields = dict(stream.fields)
        self.path = fields.get(b":path", b"").decode("latin-1")
        encoding = fields.get(b"grpc-encoding", b"identity")
        self._incoming = Incoming(stream, owner, encoding)
        self.deadline = float("inf")
        self.task: asyncio.Task[None] | None = None
        self.is_late = self._has_started = self.is_over = False
        self._came: asyncio.Event | None = None  # for who reads messages as they come
        self._is_whole = self._is_being_made = self._is_stopping = False
        self._timer: asyncio.TimerHandle | None = None
        if b"grpc-timeout" in fields:
            self._limit(fields[b"grpc-timeout"])

    @property
    def metadata(self) -> Iterator[tuple[str, str]]:
        """The client's, as text; looked at only where a call is traced."""
        for name, value in self._stream.fields:
            if not name.startswith(b":"):
                yield name.decode("latin-1"), value.decode("latin-1")

    def space(self, most_bytes: int) -> memoryview:
        """Returns where the next bytes of a message go."""
        return memoryview(b"") if self.is_over else self._incoming.space(most_bytes)

    def came(self, count: int) -> None:
        """So many bytes of a message are there."""
        if self.is_over:
            return
        try:
            if self._incoming.came(count):
                self._wake()
            else:
                self._owner.went_on(self)
        except ServingError as error:
            self._refuse(error)

    def check_time(self, now: float, stood_still_seconds: float) -> None:
        """Ends the call if its client does not go on with it."""
        if self._is_whole or self.is_over:
            return
        if self.task is not None and not self._incoming.is_within:
            self._incoming.rest()  # it is a dialogue, and the client may think
            return
        try:
            self._incoming.check_time(now, stood_still_seconds)
        except ServingError as error:
            self._refuse(error)

    def ended(self) -> None:
        """The client sends no more."""
        self._is_whole = True
        self._wake()
        if self.is_over:
            return
        if self._incoming.is_within:
            self._refuse(BadInput("the call ended within a message"))
        else:
            self._owner.ready(self)

    def lost(self) -> None:
        """The client has cancelled the call, or has gone."""
        self._over()
        if self.task is not None:
            self.task.cancel()

    def take(self) -> memoryview:
        """Takes the one message of a call.

        Raises:
            BadInput: there are none, or more.
        """
        messages = self._incoming.messages
        if len(messages) != 1:
            raise BadInput(f"the method takes one message, not {len(messages)}")
        return messages.pop()

    def release(self) -> None:
        """What has come is read, and its space is needed no more, though the call goes on."""
        self._incoming.release()

    def stop(self) -> None:
        """The server is stopping: who reads messages as they come reads no more."""
        self._is_stopping = True
        self._wake()

    async def messages(self) -> AsyncIterator[bytes]:
        """Yields messages as they come.

        Raises:
            Unavailable: the server is stopping.
        """
        self._came = asyncio.Event()
        while True:
            while self._incoming.messages:
                content = bytes(self._incoming.messages.pop(0))
                if not self._incoming.messages:
                    self._incoming.release()
                yield content
            if self._is_whole or self.is_over:
                return
            if self._is_stopping:  # or it would have to wait for who may ask once more
                raise Unavailable("the server is stopping")
            self._came.clear()
            await self._came.wait()

    async def has_room(self) -> None:
        """Waits while the client has too many answers that it does not take."""
        await self._stream.has_room()
        self._is_being_made = True
        if self.is_over:
            self._made(None)

    def start(self, *metadata: tuple[str, str]) -> None:
        """Sends initial metadata, ahead of the first answer."""
        if not self._has_started and not self.is_over:
            self._stream.send(self._head(*metadata), is_last=False)

    async def send(self, content: bytes) -> None:
        """Sends one of several answers, and waits until the client takes it."""
        if self.is_over:
            return
        data = (frames.DATA, PREFIX.pack(0, len(content)) + content)
        self._stream.send(*([] if self._has_started else [self._head()]), data, is_last=False)
        self._made(len(content))
        await self._stream.drained()

    def answer(self, content: bytes) -> None:
        """Sends the one answer, and that all is well."""
        if self.is_over:
            return
        parts = [] if self._has_started else [self._head()]
        parts.append((frames.DATA, PREFIX.pack(0, len(content)) + content))
        self._stream.send(*parts, (frames.HEADERS, _FINE), is_last=True)
        self._made(len(content))
        self._over()

    def end(self, code: str, details: str = "") -> None:
        """Says how the call has ended, unless that was said."""
        if self.is_over:
            return
        status = hpack.literal(b"grpc-status", b"%d" % CODES[code])
        if details:
            shown = details[:LONGEST_DETAILS]
            if "%" in shown or not (shown.isascii() and shown.isprintable()):
                shown = quote(shown, safe=_PRINTABLE)
            status += hpack.literal(b"grpc-message", shown.encode())
        self._over()
        start = b"" if self._has_started else _STARTS + _ACCEPTS
        self._stream.send((frames.HEADERS, start + status), is_last=True)

    def recycle(self, message: memoryview) -> None:
        """Gives the space of a message back, which nobody needs any more."""
        self._owner.buffers.give_back(message)

    def _head(self, *metadata: tuple[str, str]) -> tuple[int, bytes]:
        self._has_started = True
        own = b"".join(hpack.literal(name.encode(), value.encode()) for name, value in metadata)
        return frames.HEADERS, _STARTS + _ACCEPTS + own

    def _limit(self, timeout: bytes) -> None:
        found = _TIMEOUT.fullmatch(timeout)
        if found is None:
            self._refuse(BadInput("grpc-timeout is no timeout"))
            return
        seconds = int(found[1]) * _UNITS[found[2]]
        self.deadline = time.monotonic() + seconds
        self._timer = asyncio.get_running_loop().call_later(min(seconds, 1e6), self._expire)

    def _expire(self) -> None:
        self.is_late = True
        if self.task is not None:
            self.task.cancel()
        else:
            self.end("DEADLINE_EXCEEDED", "the call did not come whole in its time")

    def _made(self, size_bytes: int | None) -> None:
        if self._is_being_made:
            self._is_being_made = False
            self._stream.made(size_bytes)

    def _wake(self) -> None:
        if self._came is not None:
            self._came.set()

    def _over(self) -> None:
        self.is_over = True
        self._owner.over(self)
        self._incoming.end()
        self._made(None)
        self._wake()
        if self._timer is not None:
            self._timer.cancel()

    def _refuse(self, error: ServingError) -> None:
        self.end(error.grpc_code, str(error))


_PRINTABLE = "".join(chr(number) for number in range(0x20, 0x7F) if number != ord("%"))
