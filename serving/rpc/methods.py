"""Methods of gRPC services: from what answers a message to what answers a call.

What a method raises is answered with its code; see `server`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from serving.api.note import Note
from serving.api.observer import Observer
from serving.errors import BadInput, ServingError
from serving.rpc.call import Call
from serving.wire.messages import message, pool

Answering = Callable[[Any, Note, float], Awaitable[Any]]
"""From request, what is noted of it, and deadline (monotonic seconds) to response."""
Tell = Callable[[str, str], Awaitable[None]]
Giving = Callable[[Any, Note, Tell], AsyncGenerator[Any]]
"""From request, what is noted of it, and what tells initial metadata, to responses."""
Talking = Callable[[Any], Any]
"""From one of several requests to its response."""
Reader = Callable[[memoryview], Any]
"""From a message to a request; raises BadInput."""
Answer = Callable[[Call], Awaitable[None]]
"""Answers a call; raises what goes wrong."""


@dataclass(frozen=True)
class Method:
    """How its calls are answered.

    Attributes:
        answer: one of them.
        begins_early: before all that the client sends is there.
        waits: for news, nearly all the time.
    """

    answer: Answer
    begins_early: bool = False
    waits: bool = False


Methods = dict[str, Method]
"""By path."""


def service(
    name: str,
    methods: Mapping[str, Answering],
    observer: Observer | None,
    readers: Mapping[str, Reader] | None = None,
) -> Methods:
    """Makes the methods of a service, each of which takes one message and gives one.

    Args:
        name: of the service.
        methods: by name.
        observer: is told of every call; None for nobody.
        readers: of requests that are read in a way of their own, by the method's name.
    """
    found = {}
    for method in _described(name, methods):
        read = (readers or {}).get(method.name) or _reader(method.input_type.full_name)
        found[f"/{name}/{method.name}"] = Method(_answering(methods[method.name], read, observer))
    return found


def stream(name: str, methods: Mapping[str, Giving], observer: Observer | None) -> Methods:
    """Makes the methods of a service, each of which takes one message and gives many."""
    return {
        f"/{name}/{method.name}": Method(
            _giving(methods[method.name], _reader(method.input_type.full_name), observer)
        )
        for method in _described(name, methods)
    }


def news(name: str, methods: Mapping[str, Giving]) -> Methods:
    """Makes the methods of a service, each of which takes one message and gives news for ever."""
    return {path: replace(one, waits=True) for path, one in stream(name, methods, None).items()}


def dialogue(name: str, methods: Mapping[str, Talking]) -> Methods:
    """Makes the methods of a service, each of which answers messages as they come."""
    return {
        f"/{name}/{method.name}": Method(
            _talking(methods[method.name], _reader(method.input_type.full_name)),
            begins_early=True,
        )
        for method in _described(name, methods)
    }


def _described(name: str, methods: Mapping[str, Any]) -> list[Any]:
    return [one for one in pool().FindServiceByName(name).methods if one.name in methods]


def _reader(input_type: str) -> Reader:
    def read(content: memoryview) -> Any:
        try:
            return message(input_type).FromString(bytes(content))
        except Exception as error:  # protobuf's DecodeError is of another class in each backend
            raise BadInput(f"the request is no {input_type}") from error

    return read


def _answering(method: Answering, read: Reader, observer: Observer | None) -> Answer:
    async def answer(call: Call) -> None:
        with _observed(call, observer) as note:
            content = call.take()
            response = await method(read(content), note, call.deadline)
            call.answer(response.SerializeToString())
        call.recycle(content)

    return answer


def _giving(method: Giving, read: Reader, observer: Observer | None) -> Answer:
    async def answer(call: Call) -> None:
        async def tell(name: str, value: str) -> None:
            call.start((name, value))

        with _observed(call, observer) as note:
            responses = method(read(call.take()), note, tell)
            call.release()
            async with contextlib.aclosing(responses) as responses:
                async for response in responses:
                    await call.send(response.SerializeToString())

    return answer


def _talking(method: Talking, read: Reader) -> Answer:
    async def answer(call: Call) -> None:
        async for content in call.messages():
            await call.send(method(read(memoryview(content))).SerializeToString())

    return answer


@contextlib.contextmanager
def _observed(call: Call, observer: Observer | None) -> Iterator[Note]:
    """Sees to it that a call is observed, whatever comes of it."""
    note = observer.begin("GRPC", call.metadata) if observer else Note(entrypoint="GRPC")
    note.began = time.monotonic()
    try:
        yield note
    except ServingError as error:
        note.code = error.grpc_code
        raise
    except (asyncio.CancelledError, GeneratorExit):  # the client has gone, or its time is over
        note.code = "CANCELLED"
        raise
    except Exception:
        note.code = "INTERNAL"
        raise
    finally:
        note.seconds = time.monotonic() - note.began
        if observer:
            observer.end(note)
