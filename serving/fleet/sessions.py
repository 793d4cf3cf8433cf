"""The states of texts in the making, kept between requests where all workers can ask for them.

A state that a worker has taken is in use: another request for it is refused until it is given back.
"""

import time
from dataclasses import dataclass
from typing import Any

from serving.errors import BadState, Overloaded

MOST = 10_000
"""Sessions kept at once; beyond, those that have rested longest go."""


@dataclass
class _Kept:
    state: Any
    until: float
    is_taken: bool


class Sessions:
    """States by key; what nobody asks for within its time is forgotten."""

    def __init__(self, seconds: float) -> None:
        """Keeps each for so many seconds after it was last given back."""
        self._seconds = seconds
        self._kept: dict[str, _Kept] = {}

    def take(self, key: str) -> Any:
        """Returns a state for one to go on with, None where a new one begins.

        Raises:
            BadState: another request is going on with it.
            Overloaded: all places are taken.
        """
        self._forget()
        found = self._kept.pop(key, None)
        if found is not None and found.is_taken:
            self._kept[key] = found
            raise BadState("this session is in use by another request")
        if len(self._kept) >= MOST:
            self._make_room()
        state = found.state if found else None
        self._kept[key] = _Kept(state, time.monotonic() + self._seconds, is_taken=True)
        return state

    def give_back(self, key: str, state: Any) -> None:
        """Keeps a state for the next request; None for none."""
        self._kept.pop(key, None)
        if state is not None:
            self._kept[key] = _Kept(state, time.monotonic() + self._seconds, is_taken=False)

    def _forget(self) -> None:
        """The oldest come first: a session that is used moves to the end."""
        now = time.monotonic()
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest].until > now:
                return
            del self._kept[oldest]

    def _make_room(self) -> None:
        for key, one in self._kept.items():
            if not one.is_taken:
                del self._kept[key]
                return
        raise Overloaded("too many sessions are in use: try again later")
