"""Traces for OpenTelemetry, where its own environment variables ask for them.

A request is a span, with the wait for its batch and the run of the session below it. Nothing of
OpenTelemetry is imported until a variable that begins with `OTEL_` says where traces go; which
variables there are is its specification's business ("Environment Variable Specification").
"""

import importlib.util
import os
import time
from collections.abc import Mapping
from typing import Any

from serving import release
from serving.api.note import Note
from serving.errors import BadInput

EXPORTER, PROTOCOL = "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"
ASKING = (EXPORTER, "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "keras-serve"
GROUP = "opentelemetry_traces_exporter"
"""The entry points by which packages offer exporters."""


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tells whether traces are asked for."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_off = is_off or environment.get(EXPORTER) == "none"
    return not is_off and any(environment.get(name) for name in ASKING)


def check() -> None:
    """Finds out whether traces can be sent.

    Raises:
        BadInput: they are asked for, and what sends them is not installed.
    """
    if is_wanted():
        if importlib.util.find_spec("opentelemetry") is None:
            raise BadInput(
                f"{EXPORTER} or an endpoint is set, and OpenTelemetry is not installed: "
                "pip install 'keras-models[traces]'"
            )
        _exporter_class()


def tracer() -> "Tracer | None":
    """Returns what makes spans, None where nobody asks for them."""
    return Tracer() if is_wanted() else None


class Tracer:
    """Makes the spans of requests once they are answered, and sends them in the background."""

    def __init__(self) -> None:
        """Reads the environment."""
        from opentelemetry import propagate, trace
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = Resource.create({"service.name": SERVICE}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=named)
        self._provider.add_span_processor(BatchSpanProcessor(_exporter_class()()))
        self._tracer = self._provider.get_tracer("keras_models.serving", release.version())
        self._extract, self._trace = propagate.extract, trace
        self._offset = time.time_ns() - time.monotonic_ns()

    def record(self, note: Note) -> None:
        """Makes the spans of a request that has just been answered."""
        above = self._extract(note.headers)
        span = self._tracer.start_span(
            f"{note.entrypoint} {note.api or 'request'}",
            above,
            self._trace.SpanKind.SERVER,
            attributes=_attributes(note),
            start_time=self._epoch(note.began),
        )
        if note.code != "OK":
            span.set_status(self._trace.StatusCode.ERROR, note.code)
        timing, below = note.timing, self._trace.set_span_in_context(span, above)
        if timing is not None and timing.ended:
            self._add(below, "queue wait", timing.queued, timing.began)
            self._add(below, "session run", timing.began, timing.ended)
        span.end(self._epoch(note.began + note.seconds))

    def close(self) -> None:
        """Sends what has not been sent."""
        self._provider.shutdown()

    def _add(self, above: Any, name: str, began: float, ended: float) -> None:
        span = self._tracer.start_span(name, above, start_time=self._epoch(began))
        span.end(self._epoch(ended))

    def _epoch(self, monotonic_seconds: float) -> int:
        return self._offset + int(monotonic_seconds * 1e9)


def _attributes(note: Note) -> dict[str, Any]:
    return {
        "model.name": note.model,
        "model.version": note.version,
        "model.signature": note.signature,
        "model.rows": note.rows,
        "response.code": note.code,
    }


def _exporter_class() -> Any:
    """Finds the exporter that is asked for; `otlp` alone is over HTTP unless told otherwise.

    Raises:
        BadInput: no package that is installed has it.
    """
    name = os.environ.get(EXPORTER) or "otlp"
    if name == "otlp":
        traces = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
        protocol = os.environ.get(traces) or os.environ.get(PROTOCOL) or "http/protobuf"
        name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    from importlib import metadata

    found = [entry for entry in metadata.entry_points(group=GROUP) if entry.name == name]
    if not found:
        raise BadInput(
            f"no package that is installed exports traces as {name}: "
            f"pip install opentelemetry-exporter-{name.replace('_', '-')}"
        )
    return found[0].load()
