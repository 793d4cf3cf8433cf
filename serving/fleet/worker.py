"""A process that answers: an event loop, the models that it was told to load, its connections."""

import asyncio
import base64
import gc
import logging
import mmap
import signal
import socket
import time
import weakref
from pathlib import Path
from typing import Any

import uvloop

from serving import tracing
from serving.api import access_log
from serving.api.app import App
from serving.api.observer import Observer
from serving.errors import BadState, ServingError, Unavailable
from serving.fleet import handover, listening
from serving.fleet.channel import Channel, open_channel
from serving.fleet.connections import Connections
from serving.fleet.settings import Settings
from serving.metrics import Metrics, Snapshot
from serving.rpc import services
from serving.rpc.server import Server
from serving.running import version
from serving.running.catalog import Catalog
from serving.running.states import State, Status
from serving.running.texts import Texts

LOG = logging.getLogger(__name__)
SWEEP_SECONDS = 0.5
LAST_WORDS_SECONDS = 0.25
"""After the call to stop, requests that were on their way are still answered for so long."""
MOST_CALLS = 1000
"""gRPC calls at the same time in one worker; more are refused at once."""
LAST_ANSWER_SECONDS = 5.0
"""A worker whose supervisor has died finishes what it can in this time."""


def main(
    settings: Settings,
    control: socket.socket,
    connections: socket.socket,
    states: str,
    slots: int,
    grpc_socket: socket.socket | None,
) -> None:
    """Runs a worker until the supervisor ends it.

    Args:
        settings: of the server.
        control: for messages.
        connections: on which open connections come.
        states: file of the memory that says what each connection is doing.
        slots: how many bytes it has.
        grpc_socket: where all workers listen for gRPC beside the port, if anywhere.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    listening.allow_connections(settings.most_connections)
    gc.enable()  # it was not while modules were imported; see `preload`

    async def run() -> None:
        worker = Worker(settings, connections, handover.states(states, slots))
        await worker.run(await open_channel(control), grpc_socket)

    uvloop.run(run())


class Worker:
    """Answers on the connections that the supervisor hands over, and on its own of gRPC."""

    def __init__(self, settings: Settings, way: socket.socket, states: mmap.mmap) -> None:
        """Begins with no model and no connection."""
        self._settings = settings
        self._catalog, self._metrics = Catalog(), Metrics()
        self._texts = Texts(self._take_session, self._keep_session, self._drop_session)
        log, tracer = access_log.open_log(settings.access_log), tracing.tracer()
        self._observer = Observer(self._metrics, log, tracer)
        app = App(self._catalog, self._texts, settings, self._observer, self._all_metrics)
        self._connections = Connections(settings, app, way, states)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._channel: Channel | None = None
        self._grpc = Server(
            services.methods(self._catalog, self._texts, self._observer, self._reload),
            largest_bytes=settings.grpc_message_bytes,
            most_calls=MOST_CALLS,
            most_connections=settings.most_connections,
            patience_seconds=settings.patience_seconds,
            slowest_bytes_per_second=settings.slowest_bytes_per_second,
        )

    async def run(self, channel: Channel, grpc_socket: socket.socket | None) -> None:
        """Works until the supervisor says stop, or is gone."""
        self._channel = channel
        self._connections.start()
        self._start(self._sweep())
        async for message in channel.messages():
            if message["do"] == "stop":
                await self._stop(message["seconds"])
                return
            if message["do"] == "open":
                await self._open(message, grpc_socket)  # a worker that cannot ends, and is replaced
                continue
            self._start(getattr(self, f"_do_{message['do']}")(message))
        await self._stop(LAST_ANSWER_SECONDS)

    def ran(self, name: str, rows: int, waited_seconds: list[float], seconds: float) -> None:
        """A batch of a model was computed."""
        measure = self._metrics.measure
        measure(":tensorflow:serving:runtime_latency", seconds * 1e6, name, "Predict", "ONNX")
        measure(":tensorflow:serving:batching_session:processed_batch_size", rows, name)
        for waited in waited_seconds:
            measure(":tensorflow:serving:batching_session:queuing_latency", waited * 1e6, name)

    def is_lone(self) -> bool:
        """Tells whether one request has come, or begun to, and no other."""
        return self._connections.answering + len(self._grpc.calls.answering) == 1

    async def _open(self, message: Any, grpc_socket: socket.socket | None) -> None:
        """Takes gRPC connections, now that the models are there that the others have."""
        await self._grpc.start(self._settings.host, self._settings.grpc_port, grpc_socket)
        self._reply(message, {})

    async def _do_load(self, message: Any) -> None:
        loop = asyncio.get_running_loop()
        name, number = message["name"], message["version"]
        observer = _Observer(self, name)
        try:
            loaded = await loop.run_in_executor(
                None,
                lambda: version.load(
                    name,
                    number,
                    Path(message["folder"]),
                    manifest_sha256=message["sha256"],
                    limits=self._settings.limits,
                    observer=observer,
                    threads=self._settings.threads,
                ),
            )
        except ServingError as error:
            self._reply(message, {"code": error.grpc_code, "error": str(error)})
        except Exception as error:  # whatever a library raises; the other versions go on
            LOG.exception("%s version %s cannot be loaded", name, number)
            self._reply(message, {"code": "INTERNAL", "error": repr(error)})
        else:
            self._catalog.add(loaded)
            self._reply(message, {"code": "OK", "error": ""})

    async def _do_unload(self, message: Any) -> None:
        removed = self._catalog.remove(message["name"], message["version"])
        left = weakref.ref(removed) if removed else None
        del removed
        while left is not None and left() is not None:  # until its last request is answered
            gc.collect()
            if left() is None:
                break
            await asyncio.sleep(0.05)
        self._reply(message, {"code": "OK", "error": ""})

    async def _do_show(self, message: Any) -> None:
        self._catalog.show(
            {
                name: {
                    int(number): Status(state=State(state), error_code=code, error_message=text)
                    for number, (state, code, text) in versions.items()
                }
                for name, versions in message["statuses"].items()
            },
            message["labels"],
            is_ready=message["is_ready"],
        )
        if "number" in message:
            self._reply(message, {})

    async def _do_snapshot(self, message: Any) -> None:
        self._metrics.replace("keras_serve_connections", {("HTTP",): len(self._connections)})
        self._metrics.replace("keras_serve_requests_in_flight", {(): self._connections.answering})
        self._reply(message, self._metrics.snapshot())

    async def _stop(self, seconds: float) -> None:
        """Answers what is there, then ends."""
        end = time.monotonic() + seconds
        self._catalog.stop()
        self._connections.is_stopping = True
        await asyncio.sleep(min(LAST_WORDS_SECONDS, seconds))
        self._connections.end_idle()
        await self._grpc.stop(max(end - time.monotonic(), 0))
        while self._connections and time.monotonic() < end:
            await asyncio.sleep(0.01)
        self._observer.close()

    async def _sweep(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            late_seconds, before = now - before - SWEEP_SECONDS, now
            stood_still_seconds = late_seconds if late_seconds > SWEEP_SECONDS else 0.0
            self._connections.check_time(now, stood_still_seconds)
            self._grpc.check_time(now, stood_still_seconds)

    async def _all_metrics(self) -> Snapshot:
        found: Snapshot = await self._ask(do="metrics")
        return found

    async def _take_session(self, key: str) -> Any:
        """Returns the state that the supervisor keeps, None where a session begins."""
        reply = await self._ask(do="take_session", key=key)
        if "error" in reply:
            raise BadState(reply["error"])
        return reply["state"]

    async def _keep_session(self, key: str, state: Any) -> None:
        await self._ask(do="keep_session", key=key, state=state)

    def _drop_session(self, key: str) -> None:
        if self._channel is not None:
            self._channel.send(do="drop_session", key=key)

    async def _ask(self, **message: Any) -> Any:
        if self._channel is None:
            raise Unavailable("the server is starting")
        return await self._channel.ask(**message)

    async def _reload(self, config: bytes) -> tuple[str, str]:
        """Hands another configuration to the supervisor; returns what came of it."""
        content = base64.b64encode(config).decode()
        code, text = await self._ask(do="reload", config=content)
        return code, text

    def _reply(self, message: Any, content: Any) -> None:
        if self._channel is not None:
            self._channel.reply(message, content)

    def _start(self, work: Any) -> None:
        """Runs a coroutine beside the others; a failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOG.error("a task of the worker failed", exc_info=task.exception())


class _Observer:
    """Tells the worker which model was computed."""

    def __init__(self, worker: Worker, name: str) -> None:
        self._worker, self._name = worker, name
        self.is_lone = worker.is_lone

    def ran(self, rows: int, waited_seconds: list[float], seconds: float) -> None:
        self._worker.ran(self._name, rows, waited_seconds, seconds)
