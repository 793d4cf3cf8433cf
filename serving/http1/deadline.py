"""When a connection's time is over, counted in time in which this process ran.

On a busy machine, or after a stop, a process may not run for seconds. What a client sent meanwhile
lies in the system, unread: by the clock alone it would be told, or worse, reset, for being late.
"""

import time


class Deadline:
    """Of what a connection is doing now.

    Attributes:
        began: monotonic seconds, when it began to do that.
    """

    def __init__(self) -> None:
        """Never ends, until `start`."""
        self.began = 0.0
        self._excused = 0.0
        self._ends = float("inf")
        self._held_at: float | None = None

    def start(self, seconds: float) -> None:
        """Something else begins now, which may take so long."""
        self.began, self._excused = time.monotonic(), 0.0
        self.allow(seconds)

    def allow(self, seconds: float) -> None:
        """It may take so long in all, since it began; infinity for no end."""
        self._ends = self.began + self._excused + seconds

    def excuse(self, seconds: float) -> None:
        """So long this process did not run."""
        self._excused += seconds
        self._ends += seconds

    def hold(self) -> None:
        """From now on it is not the client that takes the time."""
        self._held_at = time.monotonic()

    def go_on(self) -> None:
        """From now on it is again."""
        if self._held_at is not None:
            self.excuse(time.monotonic() - self._held_at)
            self._held_at = None

    def is_over(self, now: float) -> bool:
        """Tells whether its time is over; `now` in monotonic seconds."""
        return self._held_at is None and now > self._ends
