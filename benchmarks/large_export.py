"""What a model above 2 GB takes: exporting it, and checking what was exported.

    python -m benchmarks.large_export                  some six minutes; 13 GB of memory, 10 of disk
    python -m benchmarks.large_export --only matrices

Printed are the seconds, and the largest resident memory of one process and of all that ran at the
same time, looked at ten times a second; TensorFlow and Keras are 0.6 GB of it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

INTERVAL_SECONDS = 0.1


def main() -> int:
    """Makes, exports and verifies each model, and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_export")
    parser.add_argument("--only", choices=list(MODELS), help="this model")
    parser.add_argument("--make", nargs=2, metavar=("MODEL", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        return _make(*options.make)
    print("| model | GB | | seconds | GB of one process | of all together |")
    print("|---|---|---|---|---|---|")
    for name in [options.only] if options.only else MODELS:
        with tempfile.TemporaryDirectory() as place:
            file, models = Path(place) / f"{name}.keras", Path(place) / "models"
            _watched("benchmarks.large_export", "--make", name, file)
            size = file.stat().st_size / 1e9
            for command, module, arguments in (
                ("keras-export", "export", [file, "--to", models]),
                ("keras-verify", "export.verify", [models / name]),
            ):
                seconds, one, together = _watched(module, *arguments)
                figures = f"{seconds:.0f} | {one:.1f} | {together:.1f}"
                print(f"| {name} | {size:.2f} | {command} | {figures} |", flush=True)
    return 0


def _watched(module: str, *arguments: object) -> tuple[float, float, float]:
    """Runs a command; returns seconds, and gigabytes of the largest process and of all together."""
    began, one, together = time.perf_counter(), 0.0, 0.0
    child = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while child.poll() is None:
        sizes = [_resident(process) for process in _family(child.pid)]
        one, together = max(one, *sizes), max(together, sum(sizes))
        time.sleep(INTERVAL_SECONDS)
    if child.returncode != 0:
        raise SystemExit(f"{module} ended with {child.returncode}")
    return time.perf_counter() - began, one, together


def _family(process: int) -> Iterator[int]:
    """A process and all that it started."""
    yield process
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:  # it has ended meanwhile
            continue
        for child in children:
            yield from _family(int(child))


def _resident(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(one.split()[1]) * 1024 / 1e9 for one in lines if one.startswith("VmRSS:"))


def _make(name: str, file: str) -> int:
    from keras_models import backend

    backend.prepare()
    import keras

    keras.utils.set_random_seed(0)
    MODELS[name](keras).save(file)
    return 0


def _matrices(keras: Any) -> Any:
    """Six matrices of 400 MB each."""
    layers = keras.layers
    y = x = keras.Input((10_000,), name="x")
    for _ in range(5):
        y = layers.Dense(10_000, activation="relu", kernel_initializer="he_uniform")(y)
    return keras.Model(x, layers.Dense(10_000, name="y")(y))


def _table(keras: Any) -> Any:
    """One of 2.46 GB, which no field of protobuf's holds."""
    layers = keras.layers
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(600_000, 1024, name="table")(tokens))
    return keras.Model(tokens, layers.Dense(8, name="scores")(x))


MODELS: Mapping[str, Callable[[Any], Any]] = {"matrices": _matrices, "table": _table}


if __name__ == "__main__":
    sys.exit(main())
