"""`grpc.health.v1.Health`, for load balancers and probes: ready once models answer."""

from collections.abc import AsyncGenerator
from typing import Any

from serving.api.note import Note
from serving.errors import NotFound, Unavailable
from serving.rpc.methods import Methods, Tell, news, service
from serving.running.catalog import Catalog
from serving.wire.messages import message

NAME = "grpc.health.v1.Health"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def methods(catalog: Catalog, services: list[str]) -> Methods:
    """Makes the methods; an empty service name stands for the whole server."""
    response = message("grpc.health.v1.HealthCheckResponse")

    async def check(request: Any, note: Note, deadline: float) -> Any:
        found = _status(request.service, catalog, services)
        if found == SERVICE_UNKNOWN:
            raise NotFound("there is no such service")
        return response(status=found)

    async def watch(request: Any, note: Note, tell: Tell) -> AsyncGenerator[Any]:
        told = None
        while True:
            change = catalog.next_change
            now = _status(request.service, catalog, services)
            if now != told:
                told = now
                yield response(status=now)
            if catalog.is_stopping:  # or the server would have to wait for who watches it
                raise Unavailable("the server is stopping")
            await change.wait()

    return service(NAME, {"Check": check}, None) | news(NAME, {"Watch": watch})


def _status(service: str, catalog: Catalog, services: list[str]) -> int:
    if service and service not in services:
        return SERVICE_UNKNOWN
    return SERVING if catalog.is_ready else NOT_SERVING
