"""Unary gRPC calls over HTTP/2 (RFC 9113), as little of it as load for a server needs."""

import asyncio
import struct
import time

from benchmarks.load import Asking, Load

_FRAME = struct.Struct(">HBBBI")
"""Length (16 and 8 bits), type, flags, stream."""
DATA, HEADERS, RESET, SETTINGS, PING, WINDOW = 0, 1, 3, 4, 6, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW, LARGEST_FRAME = 4, 5
OPEN = 2**31 - 1


class GRPC(Asking):
    """HTTP/2 (RFC 9113) with one stream after the other, enough of it for a unary call."""

    def __init__(self, load: Load, path: str, message: bytes) -> None:
        """Will call the method at `path` with a serialized message."""
        super().__init__(load)
        self._headers = (
            b"\x83\x86"  # :method POST, :scheme http, from the static table
            + b"\x04" + _text(path) + b"\x01" + _text("x") + b"\x0f\x10" + _text("application/grpc")
            + b"\x00" + _text("te") + _text("trailers")
        )  # fmt: skip
        self._message = b"\0" + struct.pack(">I", len(message)) + message
        self._buffer = bytearray()
        self._stream, self._unsent = -1, memoryview(b"")
        self._initial = self._window = self._stream_window = 65535
        self._largest_frame = 16384
        self._has_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = transport  # type: ignore[assignment]
        settings = struct.pack(">HI", INITIAL_WINDOW, OPEN)
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
        self._unsent = memoryview(self._message)
        self._send(_frame(HEADERS, END_HEADERS, self._stream, self._headers))

    def _send(self, before: bytes = b"") -> None:
        """Sends as much of the message as the server takes."""
        parts = [before]
        while self._unsent and (room := min(self._window, self._stream_window)) > 0:
            most = min(room, self._largest_frame)
            part, self._unsent = self._unsent[:most], self._unsent[most:]
            self._window -= len(part)
            self._stream_window -= len(part)
            parts += [_head(len(part), DATA, 0 if self._unsent else END_STREAM, self._stream), part]
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
            self._read(len(payload))
        elif kind == WINDOW:
            self._widen(stream, struct.unpack(">I", payload)[0])
        elif kind == SETTINGS and not flags & ACK:
            self._settle(payload)
        elif kind == PING and not flags & ACK:
            self._transport.write(_frame(PING, ACK, 0, payload))
        is_last = kind == RESET or (kind in (HEADERS, DATA) and flags & END_STREAM)
        if stream == self._stream and is_last:
            # A call that failed has no data before its trailers.
            self._answered(is_answered=self._has_data)

    def _read(self, size: int) -> None:
        """Lets the server send on, long before it would have to wait."""
        self._unread -= size
        if self._unread < OPEN // 2:
            self._transport.write(_frame(WINDOW, 0, 0, struct.pack(">I", OPEN - self._unread)))
            self._unread = OPEN

    def _settle(self, settings: bytes) -> None:
        for place in range(0, len(settings), 6):
            number, value = struct.unpack_from(">HI", settings, place)
            if number == INITIAL_WINDOW:
                self._stream_window += value - self._initial
                self._initial = value
            elif number == LARGEST_FRAME:
                self._largest_frame = value
        self._transport.write(_frame(SETTINGS, ACK, 0, b""))

    def _widen(self, stream: int, more: int) -> None:
        if stream == 0:
            self._window += more
        elif stream == self._stream:
            self._stream_window += more
        if self._unsent:
            self._send()


def _text(text: str) -> bytes:
    """A string of HPACK, as it is; shorter than 127 bytes."""
    return bytes([len(text)]) + text.encode()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _head(len(payload), kind, flags, stream) + payload


def _head(size: int, kind: int, flags: int, stream: int) -> bytes:
    return _FRAME.pack(size >> 8, size & 255, kind, flags, stream)
