"""The folder of a server for what its processes share, and the end of those of killed servers.

Its owner holds a lock in it, which the system lets go whatever ends the process: a folder whose
lock can be had is nobody's any more.
"""

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
from multiprocessing import util
from pathlib import Path

from serving.errors import BadInput

PREFIX = "keras-serve-"
LOCK = "lock"
AFTER_THE_OTHERS = -1000
"""Among the things that `multiprocessing` does at the end, such as removing its own folder."""
LONGEST_PATH = 70
"""Characters of a folder in which `multiprocessing` may put its sockets: they may have 107, and it
adds 31."""


@functools.cache
def folder() -> Path:
    """Returns this process' own folder, made at the first call, and removed when the process ends.

    What `multiprocessing` needs on disk lies in it too.

    Raises:
        BadInput: nothing can be written anywhere, or the path is too long for sockets.
    """
    try:
        parent = tempfile.gettempdir()
        if len(parent) >= LONGEST_PATH:
            raise BadInput(
                f"the folder for temporary files, {parent}, has too long a path for sockets: let "
                f"TMPDIR name one of fewer than {LONGEST_PATH} characters"
            )
        _remove_left(Path(parent))
        made = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        raise BadInput(
            f"there is no folder for temporary files ({error.strerror}): let TMPDIR name one that "
            "can be written, of a few kilobytes"
        ) from error
    lock = os.open(made / f"{LOCK}.new", os.O_RDWR | os.O_CREAT)  # open until the process ends
    fcntl.flock(lock, fcntl.LOCK_EX)
    (made / f"{LOCK}.new").rename(made / LOCK)  # nobody sees it unlocked
    if len(str(made)) < LONGEST_PATH:
        tempfile.tempdir = str(made)
    util.Finalize(None, remove, exitpriority=AFTER_THE_OTHERS)
    return made


def remove() -> None:
    """Removes this process' own folder at once, as one does that ends without any farewell."""
    shutil.rmtree(folder(), ignore_errors=True)


def _remove_left(parent: Path) -> None:
    for left in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # it is another user's, or has just gone
            if left.is_symlink() or left.stat().st_uid != os.getuid():
                continue
            lock = os.open(left / LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)
