"""What is remembered of a request: for metrics, the access log and traces."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.running.timing import Timing


@dataclass
class Note:
    """Filled in as a request is understood.

    Attributes:
        entrypoint: `REST` or `GRPC`.
        api: `Predict`, `Classify`, …; empty until it is known, and for what is no inference.
        model, version, signature: what was asked; an empty name for a model that is not there.
        rows: of the inputs.
        code: `OK`, or of the error.
        began: monotonic seconds, of its first byte.
        seconds: from then to its answer.
        timing: filled in as it is computed; None where it is not traced.
        headers: of HTTP or gRPC, where it is traced: the client's own trace is named there.
    """

    entrypoint: str
    api: str = ""
    model: str = ""
    version: int = 0
    signature: str = ""
    rows: int = 0
    code: str = "OK"
    began: float = 0.0
    seconds: float = 0.0
    timing: Timing | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
