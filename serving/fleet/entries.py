"""Where the processes of the crew begin; nothing heavy is imported before."""

import multiprocessing
import os
import socket
from multiprocessing import forkserver
from multiprocessing.connection import Connection

from serving.fleet import scratch
from serving.fleet.settings import Settings


def work(
    settings: Settings,
    control: socket.socket,
    ways: socket.socket,
    states: str,
    slots: int,
    grpc_socket: socket.socket | None,
) -> None:
    """Runs a worker; see `worker.main`."""
    from serving.fleet import worker

    worker.main(settings, control, ways, states, slots, grpc_socket)


def try_bundle(folder: str, seconds: float, result: Connection) -> None:
    """Tries a bundle; see `trial.run`."""
    from serving.fleet import trial

    trial.run(folder, seconds, result)


def begin_preloading() -> None:
    """Starts the process that workers are forked from, so that it imports while others bind."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    scratch.folder()  # where it puts its socket
    multiprocessing.set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()


PRELOADED = ["serving.fleet.preload"]
"""Imported once, by the process that the others are forked from."""
