"""How much of requests a process takes in at the same time, however many clients send.

Each client's share grows as its request comes. Where the next piece of one does not fit, that
client waits: it is not read, or its window stays shut. So that those who wait for each other's end
do not wait for ever, room for one whole request is kept for the oldest. What is on its way before
it could be told to wait has room of its own; beyond that it is refused.
"""

from collections.abc import Callable

MOST_WAITING, MOST_SHORT = 3, 3
"""Of the largest requests: as much may be in a process of those that can wait; of the others."""


class Intake:
    """Of one process and protocol.

    Attributes:
        short_bytes: of requests that could not wait.
        shared_bytes: of all shares together.
    """

    def __init__(self, largest_bytes: int) -> None:
        """Begins empty; `largest_bytes` is what one request may have."""
        self.short_bytes = self.shared_bytes = 0
        self._largest = largest_bytes
        self._shares: dict[Share, None] = {}
        self._waiting: dict[Share, None] = {}

    def take(self, size_bytes: int) -> bool:
        """Takes in what cannot wait, until `give_back`; False where there is no room for it."""
        if self.short_bytes + size_bytes > MOST_SHORT * self._largest:
            return False
        self.short_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """So many bytes that were taken are needed no more."""
        self.short_bytes -= size_bytes

    def share(self, on_room: Callable[[], None]) -> "Share":
        """Makes the share of a client, which holds nothing yet.

        Args:
            on_room: called once what it waits for is there.
        """
        return Share(self, on_room)

    def grow(self, share: "Share") -> bool:
        """Lets a share grow to what it wants; False where there is no room for that now."""
        more = share.wanted_bytes - share.held_bytes
        self._shares.setdefault(share)
        is_oldest = next(iter(self._shares)) is share
        most = (MOST_WAITING if is_oldest else MOST_WAITING - 1) * self._largest
        if more > 0 and self.shared_bytes + more > most:
            self._waiting[share] = None
            return False
        self._waiting.pop(share, None)
        self.shared_bytes += more
        share.held_bytes = share.wanted_bytes
        return True

    def leave(self, share: "Share") -> None:
        """Takes a share's bytes back."""
        self._shares.pop(share, None)
        self._waiting.pop(share, None)
        self.shared_bytes -= share.held_bytes
        share.held_bytes = share.wanted_bytes = 0
        for one in list(self._waiting):
            if one in self._waiting and self.grow(one):
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
        return self._intake.grow(self)

    def give_back(self) -> None:
        """Needs nothing of it any more."""
        self._intake.leave(self)
