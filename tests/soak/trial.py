"""A trial: an amount of something, done in rounds that are each whole, and what they must show."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

Round = Callable[[int], Awaitable["Outcome"]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a round showed.

    Attributes:
        done: how much of the trial's amount.
        faults: what broke the promise, each a sentence; none if it was kept.
        figures: what was measured, the larger the worse.
    """

    done: int
    faults: Sequence[str] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is done to a server, and what it promises meanwhile.

    Attributes:
        name: its number in the table of promises, `S1`.
        what: is done, and how often.
        promise: what must hold, with its figures.
        rounds: how many there are.
        run: does one; gets its number, by which it is seeded.
    """

    name: str
    what: str
    promise: str
    rounds: int
    run: Round
