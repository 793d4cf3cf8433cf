"""A trial (`trial.py`) as the supervisor sees it: a process that is started, and how it ended."""

import asyncio
import signal
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from serving.fleet import entries
from serving.fleet.versions import Outcome


async def try_version(context: ForkServerContext, folder: Path, seconds: float) -> Outcome:
    """Tries the bundle in `folder` in a process of its own, for so many seconds at most."""
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(
        target=entries.try_bundle, args=(str(folder), seconds, sending), daemon=True
    )
    process.start()
    sending.close()
    try:
        await _readable(process.sentinel)
    except asyncio.CancelledError:
        process.kill()
        raise
    process.join()
    try:
        result = receiving.recv() if receiving.poll() else {}
    except (EOFError, OSError):
        result = {}
    receiving.close()
    exit_code = process.exitcode
    process.close()
    return _outcome(result, exit_code, seconds)


def ending(exit_code: int | None) -> str:
    """Says how a process ended."""
    if exit_code is not None and exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"code {exit_code}"


def _outcome(result: dict[str, Any], exit_code: int | None, seconds: float) -> Outcome:
    if "sha256" in result:
        return Outcome(sha256=result["sha256"])
    if result:
        return Outcome(error_code=result["code"], error_message=result["error"])
    if exit_code == -signal.SIGALRM:
        return Outcome(
            error_code="DEADLINE_EXCEEDED",
            error_message=f"trying it took longer than {seconds:g} s",
        )
    return Outcome(
        error_code="ABORTED",
        error_message=f"the process that tried it ended with {ending(exit_code)}",
    )


async def _readable(descriptor: int) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(descriptor)
