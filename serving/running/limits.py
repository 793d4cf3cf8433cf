"""How requests are put together to batches."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of the batches of a signature.

    Attributes:
        most_rows: in one batch; a single request may have more.
        wait_seconds: a request waits so long for others, though nothing is being computed.
        budget_seconds: a request that would be answered later than this is refused, as long as
            others are before it.
    """

    most_rows: int = 256
    wait_seconds: float = 0.0
    budget_seconds: float = 0.5
