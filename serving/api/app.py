"""Which protocol a path belongs to, and what becomes of a request that fails.

A new protocol over HTTP is one file and one line in `App._route`.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from serving import metrics, page
from serving.api.note import Note
from serving.api.observer import Observer
from serving.api.open_inference import OpenInferenceAPI
from serving.api.rest import RestAPI
from serving.errors import NotFound, ServingError
from serving.fleet.settings import Settings
from serving.http1.message import Request, Response
from serving.running.catalog import Catalog
from serving.running.texts import Texts
from serving.wire import answer_json

LOG = logging.getLogger(__name__)
METRICS_PATH = "/monitoring/prometheus/metrics"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}


class App:
    """Answers every HTTP request."""

    def __init__(
        self,
        catalog: Catalog,
        texts: Texts,
        settings: Settings,
        observer: Observer,
        all_metrics: Callable[[], Awaitable[metrics.Snapshot]],
    ) -> None:
        """Puts the protocols together.

        Args:
            catalog: the models.
            texts: begins texts.
            settings: of the server.
            observer: is told of every request.
            all_metrics: adds up what all workers have counted.
        """
        self._rest = RestAPI(catalog, texts, timeout_seconds=settings.rest_timeout_seconds)
        self._open_inference = OpenInferenceAPI(
            catalog, timeout_seconds=settings.rest_timeout_seconds
        )
        self._page = page.responses()
        self._further = CORS if settings.has_cors else {}
        self._observer, self._all_metrics = observer, all_metrics

    async def handle(self, request: Request) -> Response:
        """Answers a request, whatever comes of it."""
        note = self._observer.begin("REST", request.headers)
        try:
            response = await self._route(request, note)
        except ServingError as error:
            response = refusal(error, note)
        except Exception:  # the request's edge: a fault of the server's
            LOG.exception("%s %s failed", request.method, request.target)
            response = refusal(ServingError("the server failed to answer this request"), note)
        note.began, note.seconds = request.began, time.monotonic() - request.began
        self._observer.end(note)
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
