"""Milliseconds for one prediction at batch 1: Keras, SavedModel, ONNX Runtime.

    python -m benchmarks.prediction runs/digits models/digits/1 [--threads 2] [--json]

All are asked in turn, many rounds in one process; quoted are medians, and ratios of the same
round. TensorFlow gets `--threads` threads; ONNX Runtime what `serving` gives it, one, and in a line
of its own as many as TensorFlow.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS = 40
WARM_UP = 5
MINIMUM_SECONDS = 0.002
"""A round repeats a call for this long, so that the clock's steps do not count."""
REST = 0.01
"""Seconds in which the threads of the one before stop waiting for more work; they do so spinning,
on cores that the next one needs."""


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run directory")
    parser.add_argument("bundle", type=Path, help="its bundle")
    parser.add_argument("--threads", type=int, default=2, help="threads (2)")
    parser.add_argument("--json", action="store_true", help="print medians as JSON")
    options = parser.parse_args()
    medians = measure(options.run, options.bundle, options.threads)
    if options.json:
        print(json.dumps(medians))
        return 0
    fastest = medians["ONNX Runtime (serving)"]
    for name, value in medians.items():
        print(f"{name:26} {value:9.3f} ms   {value / fastest:8.1f} times ONNX Runtime")
    return 0


def measure(run: Path, bundle: Path, threads: int) -> dict[str, float]:
    """Returns the median milliseconds of each way to ask for one sample."""
    calls = _calls(run, bundle, threads)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(ROUNDS + WARM_UP):
        for name, call in calls.items():
            taken = _milliseconds(call)
            if turn >= WARM_UP:
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


def _calls(run: Path, bundle: Path, threads: int) -> dict[str, Callable[[], object]]:
    from keras_models import backend

    backend.prepare()
    import keras
    import numpy as np
    import tensorflow as tf

    import keras_models
    import serving

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    with np.load(run / "examples.npz") as arrays:
        examples = {name: arrays[name][:1] for name in arrays.files}
    served = serving.load(bundle)
    inputs = {t.name: examples[t.name] for t in served.manifest.signature("serving_default").inputs}
    only = [*inputs.values()] if len(inputs) > 1 else next(iter(inputs.values()))
    keras_models.get(served.manifest.family)  # registers its layers
    model = _answering(keras.saving.load_model(run / "model.keras"), [*inputs])
    saved = tf.saved_model.load(str(bundle)).signatures["serving_default"]
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    served.predict(**inputs)
    wide = serving.load(bundle, threads=threads)
    wide.predict(**inputs)
    bare, bare_wide = (one._sessions["serving_default"]._session for one in (served, wide))
    return {
        "Keras model.predict": lambda: model.predict(only, verbose=0),
        "Keras model(x)": lambda: model(only, training=False).numpy(),
        "SavedModel": lambda: [answer.numpy() for answer in saved(**tensors).values()],
        "ONNX Runtime (serving)": lambda: served.predict(**inputs),
        "ONNX Runtime (bare)": lambda: bare.run(None, inputs),
        f"ONNX Runtime ({threads} threads)": lambda: bare_wide.run(None, inputs),
    }


def _answering(model: Any, inputs: list[str]) -> Any:
    """Of a model of several networks, the one that takes these inputs."""
    parts = [model, *(layer for layer in model.layers if hasattr(layer, "layers"))]
    return next(part for part in parts if [one.name for one in part.inputs] == inputs)


def _milliseconds(call: Callable[[], object]) -> float:
    time.sleep(REST)
    _repeated(call)  # what the one before has left in caches goes first
    return _repeated(call)


def _repeated(call: Callable[[], object]) -> float:
    calls, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < MINIMUM_SECONDS or not calls:
        call()
        calls += 1
    return 1000 * elapsed / calls


if __name__ == "__main__":
    sys.exit(main())
