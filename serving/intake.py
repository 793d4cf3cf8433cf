"""How much of requests a process takes in at the same time, however many clients send.

Each client's share grows as its request comes. Where the next piece of one does not fit, that
client waits: it is not read, or its window stays shut. So that those who wait for each other's end
do not wait for ever, room for one whole request is kept for the oldest; and as much for what comes
whether there is room or not, such as short requests, which else would be refused.
"""

from collections.abc import Callable

MOST_REQUESTS = 4
"""Of the largest: as much of requests may be in a process at the same time."""
KEPT_FROM_ALL, KEPT_FROM_WAITING = 1, 2
"""Of the largest, for the oldest; and for what cannot wait, too."""


class Intake:
    """Of one process and protocol.

    Attributes:
        held_bytes: of all shares together.
    """

    def __init__(self, largest_bytes: int, most_requests: int) -> None:
        """Begins empty.

        Args:
            largest_bytes: of one request.
            most_requests: so many of the largest fit in, three at least.
        """
        self.held_bytes = 0
        self._largest, self._most = largest_bytes, largest_bytes * max(most_requests, 3)
        self._shares: dict[Share, None] = {}
        self._waiting: dict[Share, None] = {}

    def share(self, on_room: Callable[[], None]) -> "Share":
        """Makes the share of a client, which holds nothing yet.

        Args:
            on_room: called once what it waits for is there.
        """
        return Share(self, on_room)

    def grow(self, share: "Share", size_bytes: int, kept_requests: int) -> bool:
        """Lets a share grow to a size; False where there is no room for that now.

        Room for so many of the largest requests stays free, unless the share is the oldest.
        """
        more = size_bytes - share.held_bytes
        self._shares.setdefault(share)
        is_oldest = next(iter(self._shares)) is share
        kept = 0 if is_oldest else kept_requests * self._largest
        if more > 0 and self.held_bytes + more > self._most - kept:
            return False
        self.held_bytes += more
        share.held_bytes = size_bytes
        return True

    def wait(self, share: "Share") -> None:
        """The share is to grow as soon as there is room."""
        self._waiting[share] = None

    def leave(self, share: "Share") -> None:
        """Takes a share's bytes back."""
        self._shares.pop(share, None)
        self._waiting.pop(share, None)
        self.held_bytes -= share.held_bytes
        share.held_bytes = 0
        for one in list(self._waiting):
            if one in self._waiting and self.grow(one, one.wanted_bytes, KEPT_FROM_WAITING):
                del self._waiting[one]
                one.on_room()


class Share:
    """What one client has of it.

    Attributes:
        held_bytes: that it has.
        wanted_bytes: that it waits for, or has.
        on_room: called once what it waits for is there.
    """

    def __init__(self, intake: Intake, on_room: Callable[[], None]) -> None:
        """Holds nothing."""
        self.held_bytes = self.wanted_bytes = 0
        self.on_room = on_room
        self._intake = intake

    @property
    def waits(self) -> bool:
        """It has asked for more than it has."""
        return self.wanted_bytes > self.held_bytes

    def ask(self, size_bytes: int) -> bool:
        """Asks for so many bytes in all; False where they come later, and `on_room` is called."""
        self.wanted_bytes = size_bytes
        if self._intake.grow(self, size_bytes, KEPT_FROM_WAITING):
            return True
        self._intake.wait(self)
        return False

    def take(self, size_bytes: int) -> bool:
        """Takes so many bytes in all, for what cannot wait; False where there is no room."""
        if not self._intake.grow(self, size_bytes, KEPT_FROM_ALL):
            return False
        self.wanted_bytes = size_bytes
        return True

    def give_back(self) -> None:
        """Needs nothing of it any more."""
        self.wanted_bytes = 0
        self._intake.leave(self)
