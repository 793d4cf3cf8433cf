"""The states that a version goes through."""

from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    """Of a version; the numbers are those of TF Serving's `ModelVersionStatus`."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True, kw_only=True)
class Status:
    """The state of a version, and what went wrong with it: an empty message for nothing."""

    state: State
    error_code: str = "OK"
    error_message: str = ""
