"""What is counted and measured, and how Prometheus reads it.

Every worker counts for itself; a snapshot is plain JSON, so that the snapshots of all of them are
added up for one page. The names that begin with a colon are TF Serving's, with its buckets.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Labels = tuple[str, ...]
Snapshot = dict[str, list[Any]]
"""By metric: pairs of labels and value; a histogram's value is a list of counts, the sum last."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A metric.

    Attributes:
        kind: `counter`, `gauge` or `histogram`.
        labels: their names, in order.
        help: what is counted.
        buckets: upper limits of a histogram's, ascending.
    """

    kind: str
    labels: Labels
    help: str
    buckets: Sequence[float] = ()


def _exponential(first: float, factor: float, count: int) -> tuple[float, ...]:
    return tuple(first * factor**power for power in range(count))


_MICROSECONDS = _exponential(10, 1.8, 33)
_ROWS = _exponential(1, 2, 15)

METRICS: Mapping[str, Description] = {
    ":tensorflow:serving:request_count": Description(
        kind="counter", labels=("model_name", "status"), help="Requests, by the code of the answer."
    ),
    ":tensorflow:serving:request_latency": Description(
        kind="histogram",
        labels=("model_name", "API", "entrypoint"),
        help="Microseconds from a request's first byte to its answer, where it succeeded.",
        buckets=_MICROSECONDS,
    ),
    ":tensorflow:serving:runtime_latency": Description(
        kind="histogram",
        labels=("model_name", "API", "runtime"),
        help="Microseconds of ONNX Runtime for a batch.",
        buckets=_MICROSECONDS,
    ),
    ":tensorflow:serving:request_example_counts": Description(
        kind="histogram", labels=("model",), help="Rows in a request.", buckets=_ROWS
    ),
    ":tensorflow:serving:request_example_count_total": Description(
        kind="counter", labels=("model",), help="Rows in all requests."
    ),
    ":tensorflow:serving:batching_session:queuing_latency": Description(
        kind="histogram",
        labels=("model_name",),
        help="Microseconds that a request waited for its batch.",
        buckets=_MICROSECONDS,
    ),
    ":tensorflow:serving:batching_session:processed_batch_size": Description(
        kind="histogram", labels=("model_name",), help="Rows in a batch.", buckets=_ROWS
    ),
    "keras_serve_requests_total": Description(
        kind="counter",
        labels=("model", "version", "signature", "entrypoint", "code"),
        help="Requests, by version and signature.",
    ),
    "keras_serve_requests_in_flight": Description(
        kind="gauge", labels=(), help="Requests that are being answered."
    ),
    "keras_serve_connections": Description(
        kind="gauge", labels=("protocol",), help="Open connections."
    ),
    "keras_serve_model_state": Description(
        kind="gauge",
        labels=("model", "version"),
        help="State of a version: 10 START, 20 LOADING, 30 AVAILABLE, 40 UNLOADING, 50 END.",
    ),
    "keras_serve_worker_restarts_total": Description(
        kind="counter", labels=(), help="Workers that ended and were replaced."
    ),
}


class Metrics:
    """Counts and measurements of one process."""

    def __init__(self) -> None:
        """Begins at nothing."""
        self._values: dict[str, dict[Labels, Any]] = {name: {} for name in METRICS}

    def count(self, name: str, *labels: str, amount: float = 1) -> None:
        """Adds to a counter, or to a gauge."""
        values = self._values[name]
        values[labels] = values.get(labels, 0) + amount

    def measure(self, name: str, value: float, *labels: str) -> None:
        """Puts a measurement into a histogram."""
        buckets = METRICS[name].buckets
        counts = self._values[name].get(labels)
        if counts is None:
            counts = self._values[name][labels] = [0] * (len(buckets) + 1) + [0.0]
        counts[bisect_left(buckets, value)] += 1
        counts[-1] += value

    def replace(self, name: str, values: Mapping[Labels, float]) -> None:
        """Sets all of a gauge."""
        self._values[name] = dict(values)

    def snapshot(self) -> Snapshot:
        """Returns everything as plain JSON."""
        return {
            name: [[list(labels), value] for labels, value in values.items()]
            for name, values in self._values.items()
            if values
        }


def added(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Adds snapshots up."""
    total: dict[str, dict[Labels, Any]] = {}
    for snapshot in snapshots:
        for name, entries in snapshot.items():
            values = total.setdefault(name, {})
            for labels, value in entries:
                key = tuple(labels)
                if key not in values:
                    values[key] = list(value) if isinstance(value, list) else value
                elif isinstance(value, list):
                    values[key] = [a + b for a, b in zip(values[key], value, strict=True)]
                else:
                    values[key] += value
    return {n: [[list(k), v] for k, v in values.items()] for n, values in total.items()}


def lasting(snapshot: Snapshot) -> Snapshot:
    """Returns what remains true of a process that has ended: everything but gauges."""
    return {n: values for n, values in snapshot.items() if METRICS[n].kind != "gauge"}


def page(snapshot: Snapshot) -> bytes:
    """Writes a snapshot as Prometheus reads it."""
    lines = []
    for name, description in METRICS.items():
        lines += [f"# HELP {name} {description.help}", f"# TYPE {name} {description.kind}"]
        for labels, value in snapshot.get(name, []):
            named = [
                f'{label}="{_escaped(text)}"'
                for label, text in zip(description.labels, labels, strict=True)
            ]
            if description.kind == "histogram":
                lines += _histogram(name, named, description.buckets, value)
            else:
                lines.append(f"{name}{{{','.join(named)}}} {_number(value)}")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _histogram(
    name: str, labels: list[str], buckets: Sequence[float], counts: Sequence[float]
) -> list[str]:
    lines, total, joined = [], 0, ",".join(labels)
    limits = [*map(_number, buckets), "+Inf"]
    for limit, count in zip(limits, counts[:-1], strict=True):
        total += int(count)
        within = ",".join([*labels, f'le="{limit}"'])
        lines.append(f"{name}_bucket{{{within}}} {total}")
    return [
        *lines,
        f"{name}_sum{{{joined}}} {_number(counts[-1])}",
        f"{name}_count{{{joined}}} {total}",
    ]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
