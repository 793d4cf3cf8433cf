"""A version appears whole or not at all: staged beside its place, flushed, renamed."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from keras_models.atomic import flush
from keras_models.errors import BadInput

STAGING = ".staging-"
"""TF Serving, and ours, take no folder for a version whose name is not a number."""


@contextlib.contextmanager
def staging(models: Path, name: str) -> Iterator[Path]:
    """Makes a folder to build a version in, and removes it if it was not published.

    Args:
        models: where all models are.
        name: of this one.

    Raises:
        BadInput: the name cannot be a folder's, or the place cannot be written.
    """
    if not name or name.startswith(".") or set(name) & set('/\\:\0\n"') or len(name) > 200:
        raise BadInput(f"{name!r} cannot be a model's name: give a plain one with --name")
    folder = models / name / f"{STAGING}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder.parent)
        folder.mkdir()
    except OSError as error:
        raise BadInput(f"cannot write {error.filename or models}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()  # only where nothing was ever published


def publish(staged: Path) -> Path:
    """Gives a finished version the next free number.

    Returns:
        Its folder. Versions that appear meanwhile keep their numbers; this one takes a higher.

    Raises:
        OSError: the disk is full or read-only; nothing was published.
    """
    for path in sorted(staged.rglob("*")):
        flush(path)
    flush(staged)
    number = 1 + max(
        (int(p.name) for p in staged.parent.iterdir() if p.name.isdecimal()), default=0
    )
    while True:
        target = staged.parent / str(number)
        try:
            os.rename(staged, target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            number += 1
        else:
            flush(target.parent)
            return target


def _remove_abandoned(folder: Path) -> None:
    """Removes what exports left that were killed: their process is gone."""
    for path in folder.glob(f"{STAGING}*"):
        pid = path.name.removeprefix(STAGING).split("-")[0]
        if pid.isdecimal() and not _is_running(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
