"""`grpc.reflection`, so that tools like grpcurl find services and messages without their files."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from serving.wire.messages import message, pool

PACKAGES = ("grpc.reflection.v1", "grpc.reflection.v1alpha")


def handlers(services: list[str]) -> list[grpc.GenericRpcHandler]:
    """Makes the handlers of both versions of the service."""
    return [_handler(package, services) for package in PACKAGES]


def _handler(package: str, services: list[str]) -> grpc.GenericRpcHandler:
    response = message(f"{package}.ServerReflectionResponse")

    async def info(
        requests: AsyncIterator[Any], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Any]:
        async for request in requests:
            answer = response(valid_host=request.host, original_request=request)
            _fill(answer, request, services)
            yield answer

    method = grpc.stream_stream_rpc_method_handler(
        info,
        request_deserializer=message(f"{package}.ServerReflectionRequest").FromString,
        response_serializer=_serialized,
    )
    return grpc.method_handlers_generic_handler(
        f"{package}.ServerReflection", {"ServerReflectionInfo": method}
    )


def _fill(answer: Any, request: Any, services: list[str]) -> None:
    kind = request.WhichOneof("message_request")
    if kind == "list_services":
        answer.list_services_response.SetInParent()
        for name in services:
            answer.list_services_response.service.add(name=name)
        return
    try:
        if kind == "file_by_filename":
            file = pool().FindFileByName(request.file_by_filename)
        elif kind == "file_containing_symbol":
            file = pool().FindFileContainingSymbol(request.file_containing_symbol)
        else:
            raise KeyError("extensions")  # there are none
    except KeyError:
        answer.error_response.error_code = grpc.StatusCode.NOT_FOUND.value[0]
        answer.error_response.error_message = "there is no such file or symbol"
        return
    answer.file_descriptor_response.file_descriptor_proto.extend(_with_imports(file))


def _with_imports(file: Any) -> list[bytes]:
    """Returns a file and all that it imports, each once."""
    found: dict[str, bytes] = {}
    wanted = [file]
    while wanted:
        one = wanted.pop()
        if one.name not in found:
            found[one.name] = one.serialized_pb
            wanted += one.dependencies
    return list(found.values())


def _serialized(response: Any) -> bytes:
    content: bytes = response.SerializeToString()
    return content
