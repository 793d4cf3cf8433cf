"""Files that are there whole or not at all: written beside their place, flushed, renamed."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def write(path: Path, save: Callable[[Path], None]) -> None:
    """Makes or replaces the file at `path`.

    Args:
        path: where it goes; its folder exists.
        save: called with a path in the same folder and with the same suffix; writes the file there.

    Raises:
        OSError: it cannot be written; what was at `path` before is untouched.
    """
    beside = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        save(beside)
        flush(beside)
        os.replace(beside, path)
        flush(path.parent)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Has the system write a file, or a folder's list of names, to the disk now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
