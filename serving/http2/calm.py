"""An end to frames that cost the server something and the client nothing.

Pings, settings, resets, windows, empty data, frames of kinds that are unknown: each is allowed, and
some belong to every call. A flood of them is one of HTTP/2's known attacks (CVE-2019-9512, -9515,
-9518, CVE-2023-44487). So a client has so many of them, gets some back with time, and some with
every answer that it takes. They are as many as nghttp2 has for all but resets, of which it bears
1,000: a client of grpc's that cancels some hundred calls sends more than that, pings among them.
"""

import time

from serving.http2 import frames
from serving.http2.frames import Broken

MOST_FRAMES = 10_000
FRAMES_PER_SECOND = 330
FRAMES_PER_ANSWER = 4
BYTES_PER_FRAME = 2048
"""Of answers' data: a client says again and again how much it takes."""


class Calm:
    """Of one connection."""

    def __init__(self) -> None:
        """Begins with all there are."""
        self._left = float(MOST_FRAMES)
        self._looked_at = time.monotonic()

    def spend(self) -> None:
        """A frame has come that asks for nothing.

        Raises:
            Broken: there were too many.
        """
        self._left -= 1
        if self._left >= 0:
            return
        now = time.monotonic()
        self._earn((now - self._looked_at) * FRAMES_PER_SECOND)
        self._looked_at = now
        if self._left < 0:
            raise Broken(frames.CALM, "there are too many frames that ask for nothing")

    def answered(self) -> None:
        """A request is answered."""
        if self._left < MOST_FRAMES:
            self._earn(FRAMES_PER_ANSWER)

    def sent(self, size_bytes: int) -> None:
        """So many bytes of data were sent."""
        if self._left < MOST_FRAMES:
            self._earn(size_bytes / BYTES_PER_FRAME)

    def _earn(self, count: float) -> None:
        self._left = min(self._left + count, float(MOST_FRAMES))
