"""The access log: a JSON object for every request, one a line.

A line is written in one piece, so those of several workers never mix.
"""

import contextlib
import json
import os
import sys
import time

from serving.api.note import Note
from serving.errors import BadInput


class AccessLog:
    """Lines of requests."""

    def __init__(self, descriptor: int) -> None:
        """Writes to an open file."""
        self._descriptor = descriptor

    def write(self, note: Note) -> None:
        """Writes what is known of a request; one that cannot be written is still answered."""
        record = {
            "time": round(time.time(), 3),
            "entrypoint": note.entrypoint,
            "api": note.api,
            "model": note.model,
            "version": note.version,
            "signature": note.signature,
            "rows": note.rows,
            "code": note.code,
            "milliseconds": round(note.seconds * 1000, 3),
        }
        with contextlib.suppress(OSError):
            os.write(self._descriptor, json.dumps(record).encode() + b"\n")


def open_log(path: str | None) -> AccessLog | None:
    """Opens a log to append to: a file, `-` for standard output, None for none.

    Raises:
        BadInput: the file cannot be written.
    """
    if path is None:
        return None
    if path == "-":
        return AccessLog(sys.stdout.fileno())
    try:
        return AccessLog(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644))
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from error
