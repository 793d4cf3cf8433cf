"""What an export to ONNX takes: Keras' own, ours, and ours with its proof.

    python -m benchmarks.export_cost               three to five minutes on two cores
    python -m benchmarks.export_cost --only wide --rounds 3

Every export has a process of its own, the three in turns. Printed are the fastest seconds of all
rounds, the least seconds of the processor's time, which other work disturbs less, and the least of
the largest resident memory, less what importing everything takes; the model itself is in it. Of a
proof, the processes that it starts are counted as well; of memory, the largest one.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

SIDES = ("keras", "ours", "proven")


def main() -> int:
    """Runs all exports, and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export_cost")
    parser.add_argument("--only", choices=list(MODELS), help="this model")
    parser.add_argument("--rounds", type=int, default=1, help="of all three, in turns (1)")
    parser.add_argument("--contestant", nargs=2, metavar=("SIDE", "MODEL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contestant:
        return _export(*options.contestant)
    print("| model | MB | | seconds | of the processor | MB at most | times the model |")
    print("|---|---|---|---|---|---|---|")
    for name in [options.only] if options.only else MODELS:
        runs = [{side: _run(side, name) for side in SIDES} for _ in range(options.rounds)]
        for side in SIDES:
            own = [run[side] for run in runs]
            size, seconds, processor, peak = (
                min(one[key] for one in own)
                for key in ("megabytes", "seconds", "processor", "peak")
            )
            times = f"{peak / size:.1f}" if size > LEAST_MEGABYTES else ""
            figures = f"{seconds:.1f} | {processor:.1f} | {peak:.0f} | {times}"
            print(f"| {name} | {size:.0f} | {side} | {figures} |", flush=True)
    return 0


LEAST_MEGABYTES = 50
"""Of smaller models, the libraries' own memory says nothing about theirs."""


def _run(side: str, name: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.export_cost", "--contestant", side, name],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{side} cannot export {name}: {done.stderr.strip()[-500:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _export(side: str, name: str) -> int:
    """Exports one model in this process, and prints what it took."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    from keras_models import backend

    backend.prepare()
    import keras
    import onnxruntime  # noqa: F401
    import tf2onnx  # noqa: F401

    import export

    keras.utils.set_random_seed(0)
    before = _peak(resource.RUSAGE_SELF)
    model = MODELS[name](keras)
    model(np.zeros((1, *model.inputs[0].shape[1:]), np.float32))  # Keras refuses it otherwise
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "model.onnx"
        began, used = time.perf_counter(), _processor()
        if side == "keras":
            model.export(str(path), format="onnx", verbose=False)
        else:
            export.to_onnx(model, path, proven=side == "proven", say=lambda _: None)
        seconds, processor = time.perf_counter() - began, _processor() - used
    peak = max(_peak(resource.RUSAGE_SELF), _peak(resource.RUSAGE_CHILDREN)) - before
    megabytes = model.count_params() * 4 / 1e6
    figures = {"seconds": seconds, "processor": processor, "peak": peak, "megabytes": megabytes}
    print(json.dumps(figures))
    return 0


def _processor() -> float:
    """Seconds of the processor that this process and those that it started have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak(who: int) -> float:
    """The largest resident memory so far, in megabytes."""
    return resource.getrusage(who).ru_maxrss * 1024 / 1e6


def _cnn(keras: Any) -> Any:
    layers = keras.layers
    image = keras.Input((28, 28, 1), name="image")
    x = layers.Conv2D(32, 3, activation="relu")(image)
    x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
    x = layers.Flatten()(layers.Conv2D(64, 3, activation="relu")(x))
    return keras.Model(image, layers.Dense(10, name="logits")(x))


def _mobilenet(keras: Any) -> Any:
    return keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))


def _wide(keras: Any) -> Any:
    """Two matrices of 100 MB each; of 200 MB, Keras' own export takes 17 GB."""
    layers = keras.layers
    x = keras.Input((5000,), name="x")
    y = layers.Dense(5000, activation="relu")(x)
    return keras.Model(x, layers.Dense(5000, name="y")(y))


MODELS: Mapping[str, Callable[[Any], Any]] = {
    "cnn": _cnn,
    "mobilenet": _mobilenet,
    "wide": _wide,
}


if __name__ == "__main__":
    sys.exit(main())
