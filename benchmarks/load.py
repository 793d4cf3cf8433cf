"""Load for a server: requests over and over on so many connections, and how long each took.

Client libraries would be what is measured: grpcio's and aiohttp's take longer for a request than
the server does. So the bytes of a request are made once, and of an answer no more is read than
where it ends.
"""

import asyncio
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import uvloop

Connect = Callable[["Load"], asyncio.Protocol]
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_FRAME = struct.Struct(">HBBBI")
"""Length (16 and 8 bits), type, flags, stream."""
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW = 1
LARGEST_FRAME = 16384
OPEN = 2**31 - 1


@dataclass(kw_only=True)
class Measured:
    """What came of it.

    Attributes:
        rate: answered requests a second.
        p50, p99: milliseconds.
        refused: how many were not answered.
    """

    rate: float
    p50: float
    p99: float
    refused: int


class Load:
    """Counts; a connection sends as long as `goes_on` says so."""

    def __init__(self, seconds: float) -> None:
        """Begins the clock."""
        self.times: list[float] = []
        self.refused = 0
        self.end = time.perf_counter() + seconds

    def note(self, began: float, *, is_answered: bool) -> bool:
        """Notes an answer; returns whether another request is to be sent."""
        now = time.perf_counter()
        if is_answered:
            self.times.append(now - began)
        else:
            self.refused += 1
        return now < self.end


def measure(port: int, connect: Connect, connections: int, seconds: float) -> Measured:
    """Asks on so many connections for so many seconds."""

    async def run() -> Load:
        loop = asyncio.get_running_loop()
        load = Load(seconds)
        began = time.perf_counter()
        made = [
            (await loop.create_connection(lambda: connect(load), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        load.end += time.perf_counter() - began
        for one in made:
            one.start()  # type: ignore[attr-defined]
        await asyncio.gather(*(one.ended for one in made))  # type: ignore[attr-defined]
        return load

    load = uvloop.run(run())
    p50, p99 = (1000 * float(np.quantile(load.times or [np.nan], q)) for q in (0.5, 0.99))
    return Measured(rate=len(load.times) / seconds, p50=p50, p99=p99, refused=load.refused)


class REST(asyncio.Protocol):
    """HTTP/1.1: one request after the other."""

    def __init__(self, load: Load, path: str, body: bytes) -> None:
        """Will ask `path` with `body`."""
        self._load = load
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        self._request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self._buffer = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def start(self) -> None:
        """Sends the next request."""
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:  # noqa: D102
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(self._buffer, 0, end)
        if found is None:
            raise RuntimeError(f"no length in {self._buffer[:end]!r}")
        if len(self._buffer) < end + 4 + int(found[1]):
            return
        is_answered = self._buffer[9:12] == b"200"
        self._buffer = b""
        if self._load.note(self._began, is_answered=is_answered):
            self.start()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: D102
        if not self.ended.done():
            self.ended.set_result(None)


class GRPC(asyncio.Protocol):
    """HTTP/2 (RFC 9113) with one stream after the other, enough of it for a unary call."""

    def __init__(self, load: Load, path: str, message: bytes) -> None:
        """Will call the method at `path` with a serialized message."""
        self._load = load
        self._headers = (
            b"\x83\x86"  # :method POST, :scheme http, from the static table
            + b"\x04" + _text(path) + b"\x01" + _text("x") + b"\x0f\x10" + _text("application/grpc")
            + b"\x00" + _text("te") + _text("trailers")
        )  # fmt: skip
        self._message = b"\0" + struct.pack(">I", len(message)) + message
        self._buffer = bytearray()
        self._stream, self._unsent = -1, b""
        self._initial = self._window = self._stream_window = 65535
        self._has_data = False
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        settings = struct.pack(">HI", 4, OPEN)
        self._transport.write(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + _frame(SETTINGS, 0, 0, settings)
            + _frame(WINDOW, 0, 0, struct.pack(">I", OPEN - 65535))
        )
        self._unread = OPEN

    def start(self) -> None:
        """Calls again."""
        self._began, self._has_data = time.perf_counter(), False
        self._stream += 2
        self._stream_window = self._initial
        self._unsent = self._message
        self._send(_frame(HEADERS, END_HEADERS, self._stream, self._headers))

    def _send(self, before: bytes = b"") -> None:
        """Sends as much of the message as the server takes."""
        parts = [before]
        while self._unsent and (most := min(LARGEST_FRAME, self._window, self._stream_window)) > 0:
            part, self._unsent = self._unsent[:most], self._unsent[most:]
            self._window -= len(part)
            self._stream_window -= len(part)
            parts.append(_frame(DATA, 0 if self._unsent else END_STREAM, self._stream, part))
        self._transport.write(b"".join(parts))

    def data_received(self, data: bytes) -> None:  # noqa: D102
        self._buffer += data
        while len(self._buffer) >= 9:
            high, low, kind, flags, stream = _FRAME.unpack_from(self._buffer)
            end = 9 + (high << 8 | low)
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[9:end])
            del self._buffer[:end]
            self._take(kind, flags, stream, payload)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA:
            self._has_data = True
            self._unread -= len(payload)
            if self._unread < OPEN // 2:
                self._transport.write(_frame(WINDOW, 0, 0, struct.pack(">I", OPEN - self._unread)))
                self._unread = OPEN
        elif kind == SETTINGS and not flags & ACK:
            for place in range(0, len(payload), 6):
                number, value = struct.unpack_from(">HI", payload, place)
                if number == 4:
                    self._stream_window += value - self._initial
                    self._initial = value
            self._transport.write(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._transport.write(_frame(PING, ACK, 0, payload))
        elif kind == WINDOW:
            self._widen(stream, struct.unpack(">I", payload)[0])
        elif kind == GOAWAY:
            raise RuntimeError(f"the server ends the connection: {payload!r}")
        if stream == self._stream and (
            kind == RESET or (kind in (HEADERS, DATA) and flags & END_STREAM)
        ):
            self._answered()

    def _widen(self, stream: int, more: int) -> None:
        if stream == 0:
            self._window += more
        elif stream == self._stream:
            self._stream_window += more
        if self._unsent:
            self._send()

    def _answered(self) -> None:
        """A call that failed has no data before its trailers."""
        if self._load.note(self._began, is_answered=self._has_data):
            self.start()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: D102
        if not self.ended.done():
            self.ended.set_result(None)


def _text(text: str) -> bytes:
    """A string of HPACK, as it is; shorter than 127 bytes."""
    return bytes([len(text)]) + text.encode()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = len(payload)
    return _FRAME.pack(size >> 8, size & 255, kind, flags, stream) + payload
