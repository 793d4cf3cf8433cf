"""The gRPC server of a worker: every worker listens on the same port, and the system shares it out.

What a method raises is answered with its code; whatever else goes wrong is logged, and the client
is told no more than that. HTTP/2 is the server's own (`serving/http2/`): grpc's Python packages
take four times as long for a message of some hundred rows, and ten times for one row.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serving.api.note import Note
from serving.api.observer import Observer
from serving.errors import BadInput, ServingError
from serving.http2 import frames, hpack
from serving.http2.connection import Connection
from serving.http2.stream import Stream
from serving.intake import Intake
from serving.rpc.buffers import Buffers
from serving.rpc.call import Call
from serving.wire.messages import message, pool

LOG = logging.getLogger(__name__)
BACKLOG = 1024
Method = Callable[[Any, Note, float], Awaitable[Any]]
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
class _Method:
    answer: Answer
    begins_early: bool
    """Before all that the client sends is there."""


Methods = dict[str, _Method]
"""By path."""


class Server:
    """Answers calls on a port.

    Attributes:
        calls: that have come whole, and are not answered.
    """

    def __init__(
        self,
        methods: Methods,
        *,
        largest_bytes: int,
        most_calls: int,
        most_connections: int,
        patience_seconds: float,
        slowest_bytes_per_second: float,
    ) -> None:
        """Listens nowhere yet.

        Args:
            methods: by path.
            largest_bytes: of a message.
            most_calls: at the same time; more are refused at once.
            most_connections: open at the same time; more are closed at once.
            patience_seconds: for the first words of a connection, for a call to come, and for an
                answer to be taken.
            slowest_bytes_per_second: at which it must come, and be taken, beyond that.
        """
        self.largest_bytes, self.patience_seconds = largest_bytes, patience_seconds
        self.slowest_bytes_per_second = slowest_bytes_per_second
        self._most_calls, self._most_connections = most_calls, most_connections
        self.buffers, self.calls = Buffers(), set[Call]()
        self.intake = Intake(largest_bytes)
        self._methods, self._connections = methods, set[Connection]()
        self._listeners: list[asyncio.Server] = []

    async def start(self, host: str, port: int, shared: socket.socket | None = None) -> None:
        """Listens on a port, and on a Unix socket, that other processes may listen on too."""
        loop, begin = asyncio.get_running_loop(), lambda: Connection(self)
        listener = await loop.create_server(begin, host, port, reuse_port=True, backlog=BACKLOG)
        self._listeners.append(listener)
        if shared is not None:
            listener = await loop.create_unix_server(begin, sock=shared, backlog=BACKLOG)
            self._listeners.append(listener)

    async def stop(self, seconds: float) -> None:
        """Answers the calls that there are, for so many seconds at most, then ends."""
        for listener in self._listeners:
            listener.close()
        for connection in list(self._connections):
            connection.stop()
        end = time.monotonic() + seconds
        while self._connections and time.monotonic() < end:  # each ends with its last answer
            await asyncio.sleep(0.01)
        for call in list(self.calls):
            if call.task is not None:
                call.task.cancel()
        await asyncio.sleep(0)  # so that they can say how they ended
        for connection in list(self._connections):
            connection.close()

    def check_time(self, now: float, stood_still_seconds: float = 0.0) -> None:
        """Ends clients that do not take their answers, and lets go of memory; call it regularly.

        Args:
            now: monotonic seconds.
            stood_still_seconds: for so long this process did not run.
        """
        for connection in list(self._connections):
            connection.check_time(now, stood_still_seconds)
        self.buffers.rest()

    def begin(self, stream: Stream) -> None:
        """A request has come, or its beginning."""
        fields = dict(stream.fields)
        if fields.get(b":method") != b"POST":
            stream.send((frames.HEADERS, hpack.literal(b":status", b"405")), is_last=True)
            return
        if not fields.get(b"content-type", b"").startswith(b"application/grpc"):
            stream.send((frames.HEADERS, hpack.literal(b":status", b"415")), is_last=True)
            return
        call = stream.receiver = Call(stream, self)
        if call.is_over:
            return
        if len(self.calls) >= self._most_calls:
            call.end("RESOURCE_EXHAUSTED", f"{len(self.calls)} calls are being answered")
        elif call.path not in self._methods:
            call.end("UNIMPLEMENTED", f"there is no method {call.path}")
        elif self._methods[call.path].begins_early:
            self._start(call)

    def ready(self, call: Call) -> None:
        """A call has come whole."""
        if call.task is None:
            self._start(call)

    def opened(self, connection: Connection) -> None:
        """There is another connection."""
        self._connections.add(connection)
        if len(self._connections) > self._most_connections:
            connection.close()

    def closed(self, connection: Connection) -> None:
        """A connection is no more."""
        self._connections.discard(connection)

    def _start(self, call: Call) -> None:
        self.calls.add(call)
        call.task = asyncio.get_running_loop().create_task(self._run(call))
        call.task.add_done_callback(lambda task: self._ended(call, task))

    async def _run(self, call: Call) -> None:
        code, details = "OK", ""
        try:
            await call.has_room()
            await self._methods[call.path].answer(call)
        except ServingError as error:
            code, details = error.grpc_code, str(error)
        except Exception:  # the request's edge: a fault of the server's
            LOG.exception("a call of %s failed", call.path)
            code, details = "INTERNAL", "the server failed to answer this request"
        call.end(code, details)

    def _ended(self, call: Call, task: "asyncio.Task[None]") -> None:
        self.calls.discard(call)
        if task.cancelled() and call.is_late:  # maybe before it had begun
            call.end("DEADLINE_EXCEEDED", "no time is left to answer")
        elif task.cancelled():
            call.end("UNAVAILABLE", "the server is stopping")


def service(
    name: str,
    methods: Mapping[str, Method],
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
        found[f"/{name}/{method.name}"] = _Method(
            _answering(methods[method.name], read, observer), begins_early=False
        )
    return found


def stream(name: str, methods: Mapping[str, Giving], observer: Observer | None) -> Methods:
    """Makes the methods of a service, each of which takes one message and gives many."""
    return {
        f"/{name}/{method.name}": _Method(
            _giving(methods[method.name], _reader(method.input_type.full_name), observer),
            begins_early=False,
        )
        for method in _described(name, methods)
    }


def dialogue(name: str, methods: Mapping[str, Talking]) -> Methods:
    """Makes the methods of a service, each of which answers messages as they come."""
    return {
        f"/{name}/{method.name}": _Method(
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


def _answering(method: Method, read: Reader, observer: Observer | None) -> Answer:
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
