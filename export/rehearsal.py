"""Loads a `.keras` file in a process with limits, before the export does: a crash ends here.

    python -m export.rehearsal FILE FOLDER [CUSTOM.py ...]

FOLDER is what FILE was unpacked to. First the weights are looked at without Keras: plain arrays, no
links to other files, no more numbers than bytes. Then Keras loads the folder, with memory limited
by the file's size, no file written, no socket opened and no process started. Says what is wrong in
one line, and exits 2.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from keras_models.errors import BadInput

LIBRARIES_BYTES = 8 * 2**30
"""Address space that TensorFlow itself reserves."""
COPIES = 8
"""How many times the weights may be in memory while they are loaded: what is drawn for a matrix,
an array of its numbers, the variable, and what TensorFlow reserves for each."""
MOST_SECONDS = 300
FORBIDDEN_EVENTS = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
MOST_DATASETS = 200_000
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def rehearse(path: Path, folder: Path, custom: Sequence[Path] = ()) -> None:
    """Loads a file in a process of its own, and throws the model away.

    Args:
        path: of the file.
        folder: what it was unpacked to, and will be loaded from.
        custom: Python files of the user's own, which are run before.

    Raises:
        BadInput: it cannot be loaded within the limits; says why.
    """
    done = subprocess.run(
        [sys.executable, "-m", "export.rehearsal", str(path), str(folder), *map(str, custom)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    if done.returncode == 0:
        return
    said = [line for line in done.stdout.splitlines() if line.startswith(SAYS)]
    reason = said[-1].removeprefix(SAYS) if said else "loading it ended the process that tried"
    raise BadInput(f"{path} {reason}")


SAYS = "rehearsal: "


def main(file: str, unpacked: str, *custom: str) -> int:
    """Runs the rehearsal in this process."""
    path, folder = Path(file), Path(unpacked)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    reason = _of_file(folder / "model.weights.h5")
    if reason:
        print(f"{SAYS}is not loaded: {reason}")
        return 2
    limit = LIBRARIES_BYTES + COPIES * path.stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    from keras_models import backend

    backend.prepare()
    from export import keras_file
    from export.custom import register

    register(map(Path, custom))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.addaudithook(_refuse_events)
    try:
        keras_file.load_unpacked(folder, path)
    except BadInput as error:
        print(f"{SAYS}{str(error).removeprefix(str(path)).strip()}")
        return 2
    except MemoryError:
        print(f"{SAYS}is not loaded: it needs more memory than a model with its weights does")
        return 2
    return 0


def _refuse_events(event: str, arguments: Any) -> None:
    if event.startswith(FORBIDDEN_EVENTS):
        raise PermissionError(f"{event} while a model is loaded")
    if event != "open" or not isinstance(arguments[0], str | bytes):
        return
    if arguments[2] & WRITING:
        path = os.fsdecode(arguments[0])
        raise PermissionError(f"a file is written while a model is loaded: {path!r}")


def _of_file(path: Path) -> str | None:
    if not path.exists():
        return None  # .npz, which Keras reads without pickles
    with path.open("rb") as file:
        return of_weights(file)


def of_weights(file: BinaryIO) -> str | None:
    """Returns what is wrong with a file of weights, without Keras; None for nothing."""
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return "its weights are no HDF5 file"
    size = file.seek(0, os.SEEK_END)
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            return _of_group(opened, size, [0, 0])
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        return f"its weights cannot be read: {error}"


def _of_group(group: Any, size: int, seen: list[int]) -> str | None:
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            return f"its weights lead to another place ({name!r})"
        seen[0] += 1
        if seen[0] > MOST_DATASETS:
            return "its weights are more than anybody's"
        item = group[name]
        if isinstance(item, h5py.Group):
            reason = _of_group(item, size, seen)
        else:
            seen[1] += item.nbytes
            reason = _of_dataset(item) or (
                f"its weights grow to {seen[1]} bytes" if seen[1] > 4 * size + 2**20 else None
            )
        if reason:
            return reason
    return None


def _of_dataset(item: Any) -> str | None:
    if item.external or item.is_virtual:
        return f"its weights lie in another file ({item.name!r})"
    if item.dtype.kind not in "biufSV":
        return f"its weights hold {item.dtype} ({item.name!r})"
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
