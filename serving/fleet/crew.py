"""The workers as the supervisor sees them: started, given work, replaced when they end."""

import asyncio
import contextlib
import logging
import multiprocessing
import socket
import time
from collections.abc import Awaitable, Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from serving import metrics
from serving.errors import Unavailable
from serving.fleet import entries, handover, scratch, trying
from serving.fleet.channel import Channel, open_channel
from serving.fleet.placement import Placement
from serving.fleet.settings import Settings
from serving.fleet.trying import ending
from serving.fleet.versions import Outcome
from serving.metrics import Snapshot

LOG = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 4.0
"""Before a worker is replaced; doubled each time that one ends within `SHORT_LIFE_SECONDS`."""
SHORT_LIFE_SECONDS = 10.0
SNAPSHOT_SECONDS = 2.0

Answer = Callable[[Any], Awaitable[Any]]
Key = tuple[str, int]
"""Name and number of a version."""


class _Worker:
    """One process, and the ways to it."""

    def __init__(self, process: ForkServerProcess, channel: Channel, way: socket.socket) -> None:
        self.process, self.channel, self.way = process, channel, way
        self.began = time.monotonic()
        self.is_ready = False
        self.snapshot: Snapshot = {}


class Crew:
    """All workers; what is done is done by each of them.

    Attributes:
        placement: of the open connections with them.
        state: returns what every worker is shown of models: statuses, labels, readiness.
        answer: answers what workers ask.
    """

    def __init__(self, settings: Settings, grpc_socket: socket.socket | None = None) -> None:
        """Starts nothing yet.

        Args:
            settings: of the server.
            grpc_socket: a Unix socket on which every worker is to listen too.
        """
        self._settings, self._grpc_socket = settings, grpc_socket
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._workers: list[_Worker] = []
        self._loads: dict[Key, dict[str, str]] = {}
        self._states_path = str(scratch.folder() / "connections")
        states = handover.states(self._states_path, settings.most_connections)
        self.placement = Placement(self._workers, states)
        self._pause = FIRST_PAUSE_SECONDS
        self._past: Snapshot = {}
        self._restarts = 0
        self._is_stopping = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._first: list[asyncio.Task[Any]] = []
        self.state: Callable[[], dict[str, Any]] = dict
        self.answer: Answer | None = None

    async def start(self) -> None:
        """Starts the workers."""
        self._first = [await self._start_worker() for _ in range(self._settings.workers)]
        self._begin(self._keep_snapshots())

    async def open(self) -> None:
        """Waits until the first workers take connections."""
        await asyncio.gather(*self._first)

    async def try_version(self, folder: Path) -> Outcome:
        """Tries a version in a process of its own."""
        return await trying.try_version(self._context, folder, self._settings.load_seconds)

    async def load(self, name: str, number: int, folder: Path, sha256: str) -> Outcome:
        """Has every worker load a version; the first error counts."""
        self._loads[name, number] = {"folder": str(folder), "sha256": sha256}
        replies = await self._ask_all(
            do="load", name=name, version=number, **self._loads[name, number]
        )
        for _, reply in replies:
            if reply["code"] != "OK":
                await self.unload(name, number)
                return Outcome(error_code=reply["code"], error_message=reply["error"])
        return Outcome()

    async def unload(self, name: str, number: int) -> None:
        """Has every worker let a version go, once nobody is answered by it."""
        self._loads.pop((name, number), None)
        await self._ask_all(do="unload", name=name, version=number)

    def show(self) -> None:
        """Tells every worker the states and labels as they are now."""
        state = self.state()
        for worker in self._workers:
            worker.channel.send(do="show", **state)

    async def show_all(self) -> None:
        """Does the same, and waits until every worker answers by it."""
        await self._ask_all(do="show", **self.state())

    async def metrics(self) -> Snapshot:
        """Adds up what all workers have counted, those that have ended too."""
        for worker, snapshot in await self._ask_all(do="snapshot"):
            worker.snapshot = snapshot
        own = {"keras_serve_worker_restarts_total": [[[], self._restarts]]}
        return metrics.added([self._past, own, *(w.snapshot for w in self._workers)])

    async def stop(self, seconds: float) -> bool:
        """Ends all workers: after their last answers, or after so many seconds.

        Returns:
            All of them had answered everything.
        """
        self._is_stopping = True
        for worker in self._workers:
            worker.channel.send(do="stop", seconds=seconds)
        end = time.monotonic() + seconds
        while self._workers and time.monotonic() < end:
            await asyncio.sleep(0.01)
        is_clean = not self._workers
        self.kill()
        return is_clean

    def kill(self) -> None:
        """Ends all workers at once."""
        self._is_stopping = True
        for worker in self._workers:
            with contextlib.suppress(ValueError):
                worker.process.kill()

    async def _start_worker(self) -> "asyncio.Task[Any]":
        """Starts one; returns what ends once it takes connections."""
        control, their_control = socket.socketpair()
        way, their_way = handover.pair()
        process = self._context.Process(
            target=entries.work,
            args=(
                self._settings,
                their_control,
                their_way,
                self._states_path,
                self._settings.most_connections,
                self._grpc_socket,
            ),
            daemon=True,
        )
        process.start()
        their_control.close()
        their_way.close()
        worker = _Worker(process, await open_channel(control), way)
        self._workers.append(worker)
        loop = asyncio.get_running_loop()
        self.placement.came(worker)
        loop.add_reader(process.sentinel, self._lost, worker)
        self._begin(self._listen(worker))
        # What is loaded from now on is asked of this one too; see `load`.
        return self._begin(self._prepare(worker, list(self._loads)))

    async def _prepare(self, worker: _Worker, keys: list[Key]) -> None:
        """Has a new worker load what the others have, then gives it connections."""
        for name, number in keys:
            files = self._loads.get((name, number))
            if files is None:
                continue
            with contextlib.suppress(Unavailable):
                reply = await worker.channel.ask(do="load", name=name, version=number, **files)
                if reply["code"] != "OK":
                    LOG.error("a new worker has not %s %d: %s", name, number, reply["error"])
        worker.channel.send(do="show", **self.state())
        with contextlib.suppress(Unavailable):
            await worker.channel.ask(do="open")
        worker.is_ready = worker in self._workers
        self.placement.settle()

    async def _listen(self, worker: _Worker) -> None:
        async for message in worker.channel.messages():
            self._begin(self._reply(worker, message))

    async def _reply(self, worker: _Worker, message: Any) -> None:
        if self.answer is None:
            return
        content = await self.answer(message)
        if "number" in message:
            worker.channel.reply(message, content)

    def _lost(self, worker: _Worker) -> None:
        """A worker has ended: what it was doing is answered or handed on, and it is replaced."""
        asyncio.get_running_loop().remove_reader(worker.process.sentinel)
        worker.process.join()
        exit_code = worker.process.exitcode
        worker.process.close()
        worker.channel.close()
        worker.is_ready = False
        self._workers.remove(worker)
        self.placement.lost(worker, is_stopping=self._is_stopping)
        worker.way.close()
        self._past = metrics.added([self._past, metrics.lasting(worker.snapshot)])
        if not self._is_stopping:
            LOG.error("a worker ended with %s and is replaced", ending(exit_code))
            self._restarts += 1
            is_short = time.monotonic() - worker.began < SHORT_LIFE_SECONDS
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS) if is_short else 0
            self._begin(self._replace(max(self._pause, FIRST_PAUSE_SECONDS)))

    async def _replace(self, pause_seconds: float) -> None:
        await asyncio.sleep(pause_seconds)
        if not self._is_stopping:
            await self._start_worker()

    async def _ask_all(self, **message: Any) -> list[tuple[_Worker, Any]]:
        """Returns the replies of the workers that live to give one."""
        workers = list(self._workers)
        replies = await asyncio.gather(
            *(worker.channel.ask(**message) for worker in workers), return_exceptions=True
        )
        return [
            (worker, reply)
            for worker, reply in zip(workers, replies, strict=True)
            if not isinstance(reply, BaseException)
        ]

    async def _keep_snapshots(self) -> None:
        """So that what a worker has counted is not lost with it."""
        while not self._is_stopping:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            await self.metrics()

    def _begin(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOG.error("a task of the supervisor failed", exc_info=task.exception())
