"""Who is told of every request: what is counted, logged and traced of it."""

from collections.abc import Iterable, Mapping

from serving.api.access_log import AccessLog
from serving.api.note import Note
from serving.metrics import Metrics
from serving.running import timing
from serving.running.timing import Timing
from serving.tracing import Tracer

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Observer:
    """Of a worker's requests."""

    def __init__(
        self, metrics: Metrics, access_log: AccessLog | None, tracer: Tracer | None
    ) -> None:
        """Counts into `metrics`; logs and traces where that is wanted."""
        self._metrics, self._access_log, self._tracer = metrics, access_log, tracer

    def begin(self, entrypoint: str, headers: Headers) -> Note:
        """Begins to take notes of a request; called in the task that answers it."""
        note = Note(entrypoint=entrypoint)
        if self._tracer is not None:
            note.headers, note.timing = dict(headers), Timing()
            timing.current.set(note.timing)
        return note

    def end(self, note: Note) -> None:
        """Takes the notes of a request that is answered."""
        if note.api:  # it was one for a model
            _count(note, self._metrics)
        if self._access_log is not None:
            self._access_log.write(note)
        if self._tracer is not None:
            self._tracer.record(note)

    def close(self) -> None:
        """Sends what has not been sent."""
        if self._tracer is not None:
            self._tracer.close()


def _count(note: Note, counted: Metrics) -> None:
    counted.count(":tensorflow:serving:request_count", note.model, note.code)
    counted.count(
        "keras_serve_requests_total",
        note.model,
        str(note.version or ""),
        note.signature,
        note.entrypoint,
        note.code,
    )
    if note.code == "OK":
        counted.measure(
            ":tensorflow:serving:request_latency",
            note.seconds * 1e6,
            note.model,
            note.api,
            note.entrypoint,
        )
        counted.measure(":tensorflow:serving:request_example_counts", note.rows, note.model)
        counted.count(
            ":tensorflow:serving:request_example_count_total", note.model, amount=note.rows
        )
