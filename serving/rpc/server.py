"""The gRPC server of a worker: every worker listens on the same port, and the system shares it out.

What a method raises is answered with its code; whatever else goes wrong is logged, and the client
is told no more than that. HTTP/2 is the server's own (`serving/http2/`): grpc's Python packages
take four times as long for a message of some hundred rows, and ten times for one row.
"""

import asyncio
import logging
import socket
import time

from serving.errors import ServingError
from serving.http2 import frames, hpack
from serving.http2.connection import Connection
from serving.http2.reading import SCRATCH_BYTES
from serving.http2.stream import Stream
from serving.intake import Intake
from serving.rpc.buffers import Buffers
from serving.rpc.call import Call
from serving.rpc.calls import Calls
from serving.rpc.methods import Methods

LOG = logging.getLogger(__name__)
BACKLOG = 1024
MOST_LEAVING = 16
"""Connections that were told to go and have not gone, beyond those that there may be."""


class Server:
    """Answers calls on a port.

    Attributes:
        calls: all there are.
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
            most_connections: open at the same time; for another one the one that has not been
                answered for the longest is told to go. As many calls may wait for news.
            patience_seconds: for the first words of a connection, for a call to come, and for an
                answer to be taken.
            slowest_bytes_per_second: at which it must come, and be taken, beyond that.
        """
        self.largest_bytes, self.patience_seconds = largest_bytes, patience_seconds
        self.slowest_bytes_per_second = slowest_bytes_per_second
        self.scratch = bytearray(SCRATCH_BYTES)
        self.buffers, self.calls = Buffers(), Calls(most_calls, most_connections)
        self.intake = Intake(largest_bytes)
        self._methods, self._most_connections = methods, most_connections
        self._connections = dict[Connection, None]()  # those not answered for long come first
        self._leaving = dict[Connection, None]()
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
        self.calls.stop()
        for connection in list(self._connections):
            connection.stop()
        end = time.monotonic() + seconds
        while self._connections and time.monotonic() < end:  # each ends with its last answer
            await asyncio.sleep(0.01)
        self.calls.cancel()
        await asyncio.sleep(0)  # so that they can say how they ended
        for connection in [*self._connections, *self._leaving]:
            connection.close()

    def check_time(self, now: float, stood_still_seconds: float = 0.0) -> None:
        """Ends clients that do not take their answers, and lets go of memory; call it regularly.

        Args:
            now: monotonic seconds.
            stood_still_seconds: for so long this process did not run.
        """
        for connection in [*self._connections, *self._leaving]:
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
        if refusal := self.calls.refusal():
            call.end("RESOURCE_EXHAUSTED", refusal)
        elif call.path not in self._methods:
            call.end("UNIMPLEMENTED", f"there is no method {call.path}")
        else:
            self.calls.come(call)
            if self._methods[call.path].begins_early:
                self._run_task(call)

    def ready(self, call: Call) -> None:
        """A call has come whole."""
        self.calls.came(call)
        if call.task is None:
            self._start(call)

    def went_on(self, call: Call) -> None:
        """More of a call has come."""
        self.calls.went_on(call)

    def over(self, call: Call) -> None:
        """Nothing of a call is to come any more."""
        self.calls.came(call)

    def opened(self, connection: Connection) -> None:
        """There is another connection: where that is one too many, another one is to go."""
        self._connections[connection] = None
        if len(self._connections) <= self._most_connections:
            return
        oldest = next(one for one in self._connections if not self._is_busy(one))
        if oldest is connection:
            connection.close()
            return
        del self._connections[oldest]
        self._leaving[oldest] = None
        oldest.stop()
        if len(self._leaving) > MOST_LEAVING:
            longest = next(iter(self._leaving))
            del self._leaving[longest]
            longest.drop()

    def rested(self, connection: Connection) -> None:
        """A connection's last call is answered."""
        if connection in self._connections:
            self._connections[connection] = self._connections.pop(connection)

    def closed(self, connection: Connection) -> None:
        """A connection is no more."""
        self._connections.pop(connection, None)
        self._leaving.pop(connection, None)

    def _is_busy(self, connection: Connection) -> bool:
        """Tells whether there is an answer to come; a call that has not come whole is none."""
        return any(
            stream.unsent_bytes or stream.receiver in self.calls.answering
            for stream in connection.streams
        )

    def _start(self, call: Call) -> None:
        if refusal := self.calls.refusal():
            call.end("RESOURCE_EXHAUSTED", refusal)
            return
        if not self._methods[call.path].waits:
            self.calls.answer(call)
        elif not self.calls.wait(call):
            call.end("RESOURCE_EXHAUSTED", "too many calls wait for news")
            return
        self._run_task(call)

    def _run_task(self, call: Call) -> None:
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
        self.calls.ended(call)
        if task.cancelled() and call.is_late:  # maybe before it had begun
            call.end("DEADLINE_EXCEEDED", "no time is left to answer")
        elif task.cancelled():
            call.end("UNAVAILABLE", "the server is stopping")
