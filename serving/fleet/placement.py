"""Which open connection is with which worker, and where those are that no worker has.

A worker takes connections as fast as it runs, and the system holds only some hundreds on their way
to it. Those beyond wait here, and meanwhile the listener's queue is left alone: closing one instead
would reset a client that has done nothing wrong.
"""

import asyncio
import contextlib
import mmap
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from serving.fleet import handover
from serving.http1.connection import BUSY, CLEAN

_ERROR = b'{\n    "error": "the worker that was answering this request ended: try again"\n}'
LOST = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_ERROR), _ERROR)
)


class Worker(Protocol):
    """What takes connections.

    Attributes:
        way: on which they are handed over.
        is_ready: it answers requests.
    """

    way: socket.socket
    is_ready: bool


class Placement:
    """All open connections.

    Attributes:
        on_room: called when a connection may be taken again after `can_take` was false.
    """

    def __init__(self, workers: Sequence[Worker], states: mmap.mmap) -> None:
        """Begins with no connection.

        Args:
            workers: all there are; whoever changes the sequence says so by `came` and `lost`.
            states: a byte for what each connection is doing, which workers write.
        """
        self._workers, self._states = workers, states
        self._free = list(range(len(states)))
        self._open: dict[Worker, dict[int, socket.socket]] = {}
        self._waiting: list[socket.socket] = []
        self._watched: set[Worker] = set()
        self.on_room: Callable[[], None] = lambda: None

    @property
    def can_take(self) -> bool:
        """A connection can be handed over."""
        return bool(self._free) and not self._waiting and any(w.is_ready for w in self._workers)

    def take(self, connection: socket.socket) -> None:
        """Hands a connection to the worker that has the fewest; keeps it where none takes it."""
        self._waiting.append(connection)
        self.settle()

    def came(self, worker: Worker) -> None:
        """A worker has begun; `settle` once it is ready."""
        self._open[worker] = {}
        asyncio.get_running_loop().add_reader(worker.way.fileno(), self._closed, worker)

    def lost(self, worker: Worker, *, is_stopping: bool) -> None:
        """A worker has ended: what it was doing is answered or handed on."""
        self._closed(worker)
        asyncio.get_running_loop().remove_reader(worker.way.fileno())
        for slot, connection in self._open.pop(worker).items():
            self._free.append(slot)
            if self._states[slot] == CLEAN and not is_stopping:
                self._waiting.append(connection)
                continue
            if self._states[slot] == BUSY:
                with contextlib.suppress(OSError):
                    connection.send(LOST)
                    connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.settle()

    def settle(self) -> None:
        """Hands over what waits, as far as it is taken."""
        while self._waiting and self._free and self._hand_over(self._waiting[0]):
            del self._waiting[0]
        self._watch({w for w in self._workers if w.is_ready} if self._waiting else set())
        if self.can_take:
            self.on_room()

    def _watch(self, workers: set[Worker]) -> None:
        """Calls `settle` as soon as one of these takes connections again."""
        loop = asyncio.get_running_loop()
        for worker in self._watched - workers:
            loop.remove_writer(worker.way.fileno())
        for worker in workers - self._watched:
            loop.add_writer(worker.way.fileno(), self.settle)
        self._watched = workers

    def _hand_over(self, connection: socket.socket) -> bool:
        """Hands a connection to a worker; False where none takes it just now."""
        ready = [worker for worker in self._workers if worker.is_ready]
        ready.sort(key=lambda worker: len(self._open[worker]))
        slot = self._free[-1]
        self._states[slot] = CLEAN
        for worker in ready:
            if handover.send(worker.way, connection, slot):
                self._free.pop()
                self._open[worker][slot] = connection
                return True
        return False

    def _closed(self, worker: Worker) -> None:
        """Frees the places of connections that a worker has closed."""
        was_full = not self._free
        for slot in handover.closed(worker.way):
            found = self._open[worker].pop(slot, None)
            if found is not None:
                found.close()
                self._free.append(slot)
        if was_full and self._free:
            self.settle()
