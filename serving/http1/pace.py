"""How fast a client takes its answers, and whether that is too slow.

A client that takes a few bytes at a time would otherwise hold memory and a connection for ever.
It is judged by what its system has acknowledged: what the kernel here has taken may go nowhere.
"""

import asyncio

from serving.http1 import sockets


class Pace:
    """Of one connection; time is looked at in windows, and each must have its bytes."""

    def __init__(self, window_seconds: float, least_bytes_per_second: float) -> None:
        """Begins with nothing sent."""
        self._window_seconds = window_seconds
        self._least_bytes = window_seconds * least_bytes_per_second
        self._window_ends: float | None = None  # where there is nothing to take
        self._taken_before = self._written = 0

    def wrote(self, size_bytes: int) -> None:
        """So many bytes more are to be sent."""
        self._written += size_bytes

    def excuse(self, seconds: float) -> None:
        """So long this process did not run, and could send nothing."""
        if self._window_ends is not None:
            self._window_ends += seconds

    def is_too_slow(self, transport: asyncio.Transport, now: float) -> bool:
        """Tells whether the window that ends now has seen too little; call it again and again.

        Args:
            transport: what the bytes were written to.
            now: monotonic seconds.
        """
        unsent = transport.get_write_buffer_size()
        if not self._is_due(unsent, now):
            return False
        return self._judge(self._written - unsent - sockets.unacknowledged_bytes(transport), now)

    def is_held_back(self, unsent_bytes: int, now: float) -> bool:
        """Tells the same of what the client lets come, where it has a say in that.

        Args:
            unsent_bytes: that are held until it lets them come; not among those that `wrote` told.
            now: monotonic seconds.
        """
        return self._is_due(unsent_bytes, now) and self._judge(self._written, now)

    def _is_due(self, unsent_bytes: int, now: float) -> bool:
        if not unsent_bytes:
            self._window_ends = None
            return False
        return self._window_ends is None or now >= self._window_ends

    def _judge(self, taken: int, now: float) -> bool:
        is_first, before = self._window_ends is None, self._taken_before
        self._taken_before, self._window_ends = taken, now + self._window_seconds
        return not is_first and taken - before < self._least_bytes
