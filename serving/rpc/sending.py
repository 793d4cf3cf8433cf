"""Answers on their way to gRPC clients, and the end of patience with those that do not take them.

By HTTP/2 a client says how much it takes of each answer. One that says nothing would keep its
answers in memory for ever, and with every further call more of them: grpc itself sets no end. So a
client's calls wait where what they come to, judged by its last ones, is too much to keep, and its
connection is ended where it takes too long.
"""

import asyncio
import time
from typing import Any

import grpc.aio

from serving.rpc.disconnecting import disconnect

MOST_BYTES = 64 * 2**20
"""Of one client's answers, those that are being made and those that it has not taken."""
FIRST_GUESS_BYTES = 4 * 2**20
"""Of an answer's size: what grpc's clients take unless they are told otherwise."""
SHARE_OF_LAST = 1 / 8
"""With which a guess follows the answers."""
SCARCE_BYTES = 4 * MOST_BYTES
"""Of all clients' answers; beyond, no answer has more time than the patience."""


class _Client:
    """One connection."""

    def __init__(self) -> None:
        self.making = self.untaken_bytes = 0
        self.guess_bytes = float(FIRST_GUESS_BYTES)
        self.changed = asyncio.Event()

    def has_room(self) -> bool:
        """Another answer may be made; one always may."""
        expected = self.untaken_bytes + (self.making + 1) * self.guess_bytes
        return expected <= MOST_BYTES or not (self.making or self.untaken_bytes)

    def begin(self) -> None:
        """An answer is being made."""
        self.making += 1

    def send(self, size_bytes: int) -> None:
        """It is made, and has this size."""
        self.making -= 1
        self.untaken_bytes += size_bytes
        self.guess_bytes += (size_bytes - self.guess_bytes) * SHARE_OF_LAST
        self.changed.set()


class _Call:
    """One call; `began` is when its answer began to be sent, None while it is made."""

    def __init__(self, peer: str, client: _Client) -> None:
        self.peer, self.client = peer, client
        self.began: float | None = None
        self.size_bytes = 0


class Sending:
    """All calls of a process, from when they are let in until their answers are taken."""

    def __init__(self, patience_seconds: float, slowest_bytes_per_second: float) -> None:
        """Begins with none.

        Args:
            patience_seconds: for every answer to be taken.
            slowest_bytes_per_second: at which it must be taken beyond that.
        """
        self._patience_seconds, self._slowest = patience_seconds, slowest_bytes_per_second
        self._calls: dict[asyncio.Task[Any], _Call] = {}
        self._clients: dict[str, _Client] = {}

    async def begin(self, context: grpc.aio.ServicerContext) -> None:
        """Lets in the call of the running task, as soon as its client has room for an answer."""
        peer = context.peer()
        while not (client := self._clients.setdefault(peer, _Client())).has_room():
            client.changed.clear()
            await client.changed.wait()
        client.begin()
        task = _running()
        self._calls[task] = _Call(peer, client)
        task.add_done_callback(self._ended)

    def send(self, size_bytes: int) -> None:
        """The running task now sends so much, until it ends, or calls `taken`."""
        call = self._calls[_running()]
        call.began, call.size_bytes = time.monotonic(), size_bytes
        call.client.send(size_bytes)

    def taken(self) -> None:
        """The client of the running task has taken what was sent, and more is being made."""
        call = self._calls[_running()]
        self._leave(call)
        call.began = None
        call.client.begin()

    def check_time(self, now: float, stood_still_seconds: float) -> None:
        """Ends the connections of clients that have not taken an answer in its time.

        Args:
            now: monotonic seconds.
            stood_still_seconds: for so long the process did not run.
        """
        untaken = sum(client.untaken_bytes for client in self._clients.values())
        late = set()
        for call in self._calls.values():
            if call.began is not None:
                call.began += stood_still_seconds
                seconds = 0.0 if untaken > SCARCE_BYTES else call.size_bytes / self._slowest
                if now > call.began + self._patience_seconds + seconds:
                    late.add(call.peer)
        for peer in late:
            disconnect(peer)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        call = self._calls.pop(task)
        self._leave(call)
        if not (call.client.making or call.client.untaken_bytes):
            self._clients.pop(call.peer, None)

    def _leave(self, call: _Call) -> None:
        if call.began is None:
            call.client.making -= 1
        else:
            call.client.untaken_bytes -= call.size_bytes
        call.client.changed.set()


def _running() -> "asyncio.Task[Any]":
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("an answer is sent outside of any task")
    return task
