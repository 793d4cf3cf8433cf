"""`grpc.reflection`, so that tools like grpcurl find services and messages without their files."""

from typing import Any

from serving.rpc.call import CODES
from serving.rpc.methods import Methods, dialogue
from serving.wire.messages import message, pool

PACKAGES = ("grpc.reflection.v1", "grpc.reflection.v1alpha")


def methods(services: list[str]) -> Methods:
    """Makes the methods of both versions of the service."""
    return {path: one for package in PACKAGES for path, one in _of(package, services).items()}


def _of(package: str, services: list[str]) -> Methods:
    response = message(f"{package}.ServerReflectionResponse")

    def info(request: Any) -> Any:
        answer = response(valid_host=request.host, original_request=request)
        _fill(answer, request, services)
        return answer

    return dialogue(f"{package}.ServerReflection", {"ServerReflectionInfo": info})


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
        answer.error_response.error_code = CODES["NOT_FOUND"]
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
