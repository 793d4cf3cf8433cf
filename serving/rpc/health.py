"""`grpc.health.v1.Health`, for load balancers and probes: ready once models answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from serving.running.catalog import Catalog
from serving.wire.messages import message

NAME = "grpc.health.v1.Health"
LOOK_SECONDS = 0.25
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def handler(catalog: Catalog, services: list[str]) -> grpc.GenericRpcHandler:
    """Makes the handler; an empty service name stands for the whole server."""
    response = message("grpc.health.v1.HealthCheckResponse")

    def status(service: str) -> int:
        if service and service not in services:
            return SERVICE_UNKNOWN
        return SERVING if catalog.is_ready else NOT_SERVING

    async def check(request: Any, context: grpc.aio.ServicerContext) -> Any:
        found = status(request.service)
        if found == SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        return response(status=found)

    async def watch(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        told = None
        while True:
            now = status(request.service)
            if now != told:
                told = now
                yield response(status=now)
            await asyncio.sleep(LOOK_SECONDS)

    reads = message("grpc.health.v1.HealthCheckRequest").FromString
    handlers = {
        "Check": grpc.unary_unary_rpc_method_handler(
            check, request_deserializer=reads, response_serializer=_serialized
        ),
        "Watch": grpc.unary_stream_rpc_method_handler(
            watch, request_deserializer=reads, response_serializer=_serialized
        ),
    }
    return grpc.method_handlers_generic_handler(NAME, handlers)


def _serialized(response: Any) -> bytes:
    content: bytes = response.SerializeToString()
    return content
