"""Which protocol a path belongs to, and what is noted of every request.

A new protocol over HTTP is one file and one line in `App._route`.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from serving import metrics, page
from serving.api.generation import Streams
from serving.api.note import Note
from serving.api.open_inference import OpenInferenceAPI
from serving.api.rest import RestAPI
from serving.errors import NotFound, ServingError
from serving.fleet.settings import Settings
from serving.http1.message import Request, Response
from serving.metrics import Metrics
from serving.running.catalog import Catalog
from serving.wire import answer_json

LOG = logging.getLogger(__name__)
METRICS_PATH = "/monitoring/prometheus/metrics"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}

Observe = Callable[[Note], None]


class App:
    """Answers every HTTP request."""

    def __init__(
        self,
        catalog: Catalog,
        streams: Streams,
        settings: Settings,
        observe: Observe,
        all_metrics: Callable[[], Awaitable[metrics.Snapshot]],
    ) -> None:
        """Puts the protocols together.

        Args:
            catalog: the models.
            streams: makes texts.
            settings: of the server.
            observe: is told of every request once it is answered.
            all_metrics: adds up what all workers have counted.
        """
        self._rest = RestAPI(catalog, streams, timeout_seconds=settings.rest_timeout_seconds)
        self._open_inference = OpenInferenceAPI(
            catalog, timeout_seconds=settings.rest_timeout_seconds
        )
        self._page = page.responses()
        self._further = CORS if settings.has_cors else {}
        self._observe, self._all_metrics = observe, all_metrics

    async def handle(self, request: Request) -> Response:
        """Answers a request, whatever comes of it."""
        note = Note(entrypoint="REST")
        try:
            response = await self._route(request, note)
        except ServingError as error:
            response = refusal(error, note)
        except Exception:  # the request's edge: a fault of the server's
            LOG.exception("%s %s failed", request.method, request.target)
            response = refusal(ServingError("the server failed to answer this request"), note)
        note.seconds = time.monotonic() - request.began
        self._observe(note)
        return response

    async def _route(self, request: Request, note: Note) -> Response:
        if request.target[:4].lower() == "/v1/":
            response = await self._rest.answer(request, note)
            headers = {**response.headers, **self._further}
            return replace(response, headers=headers) if self._further else response
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return await self._open_inference.answer(request, note)
        if request.path in self._page and request.method in ("GET", "HEAD"):
            return self._page[request.path]
        if request.path == METRICS_PATH:
            return await self._metrics()
        raise NotFound(f"there is nothing at {request.path}")

    async def _metrics(self) -> Response:
        return Response(body=metrics.page(await self._all_metrics()), content_type=METRICS_TYPE)


def refusal(error: ServingError, note: Note) -> Response:
    """Makes the answer to a request that failed."""
    note.code = error.grpc_code
    return Response(status=error.http_status, body=answer_json.error(str(error)))


def record(note: Note, counted: Metrics) -> None:
    """Counts a request, if it was one for a model."""
    if not note.api:
        return
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
