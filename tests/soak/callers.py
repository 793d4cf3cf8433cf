"""Callers that take little themselves: what they take of shared cores, the server does not have.

The bytes of a request are made once, and of an answer no more is read than how it went.
"""

import asyncio
import re
import struct

import numpy as np

from serving.http2 import frames, hpack
from serving.http2.frames import frame
from serving.wire import tensor_proto
from serving.wire.messages import serving
from tests.soak.live import predict

ANSWERED, REFUSED = "answered", "refused"
PREDICT = b"/tensorflow.serving.PredictionService/Predict"
FIELDS = b"\x83\x86" + b"".join(
    hpack.literal(*field)
    for field in (
        (b":path", PREDICT),
        (b":authority", b"a"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    )
)
"""Of a call, `POST` and `http` from the static table."""
ROWS = 250
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_WORDS = {200: ANSWERED, 429: REFUSED, 503: REFUSED, b"0": ANSWERED, b"8": REFUSED, b"14": REFUSED}
"""For codes of HTTP and of gRPC."""


class Caller(asyncio.Protocol):
    """A connection that asks the model `slow` for a row, one request at a time."""

    @classmethod
    async def connect(cls, server):
        """Opens one to a live server."""
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(cls, "127.0.0.1", cls.port(server)))[1]

    def __init__(self):
        self._buffer = bytearray()
        self._answer = None

    async def ask(self):
        """Returns `ANSWERED`, `REFUSED` or the code; raises ConnectionError at its end."""
        self._answer = asyncio.get_running_loop().create_future()
        self._send()
        return await self._answer

    def close(self):
        self._transport.close()

    def connection_made(self, transport):
        self._transport = transport

    def connection_lost(self, error):
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server has closed the connection"))

    def _answered(self, code):
        if not self._answer.done():
            self._answer.set_result(_WORDS.get(code, code))


class RESTCaller(Caller):
    """Over HTTP/1.1, with JSON."""

    _BODY = predict([[1.0] * ROWS])
    _REQUEST = (
        b"POST /v1/models/slow:predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
        % (len(_BODY), _BODY)
    )

    @staticmethod
    def port(server):
        return server.port

    def _send(self):
        self._transport.write(self._REQUEST)

    def data_received(self, data):
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        length = _LENGTH.search(self._buffer, 0, max(head, 0))
        if length is not None and len(self._buffer) >= head + 4 + int(length[1]):
            code = int(self._buffer[9:12])
            self._buffer = bytearray()
            self._answered(code)


class GRPCCaller(Caller):
    """Over HTTP/2, one stream after the other."""

    def __init__(self):
        super().__init__()
        self._number, self._reader = -1, hpack.Reader()
        request = serving("PredictRequest")()
        request.model_spec.name = "slow"
        tensor_proto.to_proto(np.ones((1, ROWS), np.float32), request.inputs["x"])
        content = request.SerializeToString()
        self._message = struct.pack(">BI", 0, len(content)) + content

    @staticmethod
    def port(server):
        return server.grpc_port

    def connection_made(self, transport):
        super().connection_made(transport)
        more = frames.number(frames.WIDEST_WINDOW - frames.DEFAULT_WINDOW)
        transport.write(frames.PREFACE + frames.settings({}) + frame(frames.WINDOW, 0, 0, more))

    def _send(self):
        self._number += 2
        self._transport.write(
            frame(frames.HEADERS, frames.END_HEADERS, self._number, FIELDS)
            + frame(frames.DATA, frames.END_STREAM, self._number, self._message)
        )

    def data_received(self, data):
        self._buffer += data
        while len(self._buffer) >= frames.HEAD_BYTES:
            size, kind, flags, _ = frames.read_head(self._buffer, 0)
            end = frames.HEAD_BYTES + size
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[frames.HEAD_BYTES : end])
            del self._buffer[:end]
            fields = dict(self._reader.fields(payload)) if kind == frames.HEADERS else {}
            if kind == frames.HEADERS and flags & frames.END_STREAM:
                self._answered(fields[b"grpc-status"])
