"""Where the processes of the crew begin; nothing heavy is imported before."""

import socket
from multiprocessing.connection import Connection
from typing import Any

from serving.fleet.settings import Settings


def work(
    settings: Settings, control: socket.socket, ways: socket.socket, states: str, slots: int
) -> None:
    """Runs a worker; see `worker.main`."""
    from serving.fleet import worker

    worker.main(settings, control, ways, states, slots)


def try_bundle(folder: str, seconds: float, result: Connection) -> None:
    """Tries a bundle; see `trial.run`."""
    from serving.fleet import trial

    trial.run(folder, seconds, result)


PRELOADED: Any = ["serving.fleet.preload"]
"""Imported once, by the process that the others are forked from."""
