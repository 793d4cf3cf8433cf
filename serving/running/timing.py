"""When a request waited and was computed, for those who trace it.

Who answers a request sets `current`; the batch that computes it fills it in.
"""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Timing:
    """Of one request, monotonic seconds; 0 where it was not computed.

    Attributes:
        queued: when it began to wait for its batch.
        began, ended: of the batch that it was computed in.
    """

    queued: float = 0.0
    began: float = 0.0
    ended: float = 0.0


current: ContextVar[Timing | None] = ContextVar("timing", default=None)
