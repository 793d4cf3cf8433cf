"""Load for a server: requests over and over on so many connections, and how long each took.

Client libraries would be what is measured: grpcio's and aiohttp's take longer for a request than
the server does. So the bytes of a request are made once, and of an answer no more is read than
where it ends.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import uvloop

Connect = Callable[["Load"], "Asking"]
LAST_CHUNK = b"0\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(kw_only=True)
class Measured:
    """What came of it.

    Attributes:
        rate: answered requests a second.
        p50, p99: milliseconds.
        refused: how many were not answered.
        core_ms: what the server took of a core for each, where that was looked at.
    """

    rate: float
    p50: float
    p99: float
    refused: int
    core_ms: float = math.nan


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
            one.start()
        await asyncio.gather(*(one.ended for one in made))
        return load

    load = uvloop.run(run())
    p50, p99 = (1000 * float(np.quantile(load.times or [np.nan], q)) for q in (0.5, 0.99))
    return Measured(rate=len(load.times) / seconds, p50=p50, p99=p99, refused=load.refused)


class Asking(asyncio.Protocol):
    """A connection that asks, and asks again once it is answered, until the time is over.

    Attributes:
        ended: is done when the connection is.
    """

    _transport: asyncio.Transport
    _began: float

    def __init__(self, load: Load) -> None:
        """Will be counted in `load`."""
        self._load = load
        self.ended = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Sends the next request."""
        raise NotImplementedError

    def _answered(self, *, is_answered: bool) -> None:
        if self._load.note(self._began, is_answered=is_answered):
            self.start()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: D102
        if not self.ended.done():
            self.ended.set_result(None)


class REST(Asking):
    """HTTP/1.1: one request after the other."""

    def __init__(self, load: Load, path: str, body: bytes) -> None:
        """Will ask `path` with `body`."""
        super().__init__(load)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        self._request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = transport  # type: ignore[assignment]

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
            is_whole = self._buffer.endswith(LAST_CHUNK)
        else:
            is_whole = len(self._buffer) >= end + 4 + int(found[1])
        if not is_whole:
            return
        is_answered = self._buffer[9:12] == b"200"
        self._buffer = b""
        self._answered(is_answered=is_answered)
