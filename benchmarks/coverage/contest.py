"""One case: exported by Keras and by us, run in ONNX Runtime, held against Keras' own answer.

    python -m benchmarks.coverage.contest RESULTS.jsonl NUMBER [NUMBER ...]

A process of its own for a few cases, for an export or a runtime may end the process.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.coverage.case import Case

SIDES = ("keras", "ours")
FAR = {"float16": 2e-2, "bfloat16": 6e-2}
"""Largest error, as a share of the spread, by the coarsest type inside; 1e-4 for all others."""
SETTLED = 32
"""Samples that batch normalization gets its statistics from. Of three, a deep network's channels
hardly vary, and any other sample explodes in it: EfficientNetV2B3 then answers far larger numbers,
whose last bits are not the only ones that rounding moves, in Keras itself."""


def contest(case: Case, sides: tuple[str, ...] = SIDES) -> dict[str, Any]:
    """Returns what became of a case: an outcome for each side."""
    import keras
    import tensorflow as tf

    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    model = case.build()
    random = np.random.default_rng(1)
    from export import own_signature

    signature = own_signature.signature_of(model)
    runs = _runs(case, signature, model, random)
    from export import scaled

    scaled.vary(model, _drawn(case, signature, model, random, SETTLED, case.lengths[0]))
    expected = []
    function = tf.function(signature.function)  # as in `model.predict`: a few layers answer
    for inputs in runs:  # otherwise outside of a graph
        answers = function(**inputs)
        expected.append([np.asarray(answers[tensor.name]) for tensor in signature.outputs])
    found: dict[str, Any] = {"group": case.group, "name": case.name, "loops": case.loops}
    found["spread"] = float(
        min((_spread([run[i] for run in expected]) for i in range(len(expected[0]))), default=0.0)
    )
    with tempfile.TemporaryDirectory() as place:
        np.savez(Path(place) / "inputs.npz", **_numbered(runs, [t.name for t in signature.inputs]))
        exporters = {"keras": _export_by_keras, "ours": _export_by_us}
        for side in sides:
            path = Path(place) / f"{side}.onnx"
            found[side] = _outcome(exporters[side], model, path, expected, _tolerance(model))
    return found


def _runs(case: Case, signature: Any, model: Any, random: Any) -> list[dict[str, np.ndarray]]:
    sizes = zip((3, 1), case.lengths, strict=True)
    return [_drawn(case, signature, model, random, batch, length) for batch, length in sizes]


def _drawn(
    case: Case, signature: Any, model: Any, random: Any, batch: int, length: int
) -> dict[str, np.ndarray]:
    from export import drawn

    free = drawn.lengths(signature, batch, length)
    inputs = drawn.draw(random, signature, free, drawn.sources(model, signature))
    for name, function in case.draw.items():
        shape, dtype = inputs[name].shape, inputs[name].dtype
        inputs[name] = np.asarray(function(random, shape)).astype(dtype)
    return inputs


def _numbered(runs: list[dict[str, np.ndarray]], names: list[str]) -> dict[str, np.ndarray]:
    return {f"{r}/{i}": run[n] for r, run in enumerate(runs) for i, n in enumerate(names)}


def _export_by_keras(model: Any, path: Path) -> None:
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    model.export(str(path), format="onnx", verbose=False)


def _export_by_us(model: Any, path: Path) -> None:
    import export

    export.to_onnx(model, path, proven=False, say=lambda _: None)


def _outcome(exporter: Any, model: Any, path: Path, expected: Any, tolerance: float) -> Any:
    began = time.perf_counter()
    try:
        exporter(model, path)
    except Exception as error:  # whatever an exporter raises is its outcome
        if os.environ.get("COVERAGE_TRACE"):
            traceback.print_exc()
        return {"outcome": "refused", "why": f"{type(error).__name__}: {error}"[:400]}
    seconds = time.perf_counter() - began
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("runtime.py")), str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    size = sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))
    found = {"seconds": seconds, "bytes": size, **_counts(path)}
    if ran.returncode != 0:
        why = (ran.stderr.strip().splitlines() or [f"ended with {ran.returncode}"])[-1]
        return {**found, "outcome": "invalid", "why": why[:300]}
    with np.load(path.with_suffix(".npz")) as arrays:
        actual = {name: arrays[name] for name in arrays.files}
    found["milliseconds"] = float(actual.pop("milliseconds"))
    error, why = _difference(expected, actual)
    right = not why and error <= tolerance
    return {**found, "outcome": "right" if right else "wrong", "error": error, "why": why}


def _counts(path: Path) -> dict[str, Any]:
    import onnx

    from export.subgraphs import all_nodes

    graph = onnx.load(str(path), load_external_data=False).graph
    kinds = [node.op_type for node in all_nodes(graph)]
    return {
        "loops": sum(kinds.count(kind) for kind in ("Loop", "Scan")),
        "transposes": kinds.count("Transpose"),
        "nodes": len(kinds),
    }


def _spread(values: list[np.ndarray]) -> float:
    if any(value.size == 0 for value in values):
        return 0.0
    return max(float(np.ptp(np.float64(value))) for value in values)


def _tolerance(model: Any) -> float:
    """Half precision inside a model rounds differently wherever sums are ordered differently."""
    types = {layer.dtype_policy.compute_dtype for layer in model._flatten_layers()}
    return max([FAR[name] for name in types if name in FAR], default=1e-4)


def _difference(expected: Any, actual: dict[str, np.ndarray]) -> tuple[float, str]:
    largest = 0.0
    for r, run in enumerate(expected):
        for i, value in enumerate(run):
            got = actual.get(f"{r}/{i}")
            if got is None or got.shape != value.shape:
                shape = None if got is None else list(got.shape)
                return float("inf"), f"output {i} is {shape} instead of {list(value.shape)}"
            if got.dtype != value.dtype and str(value.dtype) != "bfloat16":
                return float("inf"), f"output {i} is {got.dtype} instead of {value.dtype}"
            value, got = np.float64(value), np.float64(got)
            if not np.array_equal(np.isfinite(value), np.isfinite(got)):
                return float("inf"), f"output {i} is not finite elsewhere"
            finite = np.isfinite(value)
            error = np.abs(value[finite] - got[finite]).max(initial=0.0)
            scale = np.ptp(value[finite]) if finite.any() else 0.0
            largest = max(largest, float(error / (scale or 1.0)))
    return largest, ""


def main(results: str, *numbers: str) -> None:
    """Appends a line of JSON for each case."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from keras_models import backend

    backend.prepare()
    from benchmarks.coverage.cases import CASES

    sides = tuple(os.environ.get("COVERAGE_SIDES", "keras,ours").split(","))
    for number in numbers:
        case = CASES[int(number)]
        try:
            found = contest(case, sides)
        except Exception as error:  # Keras itself cannot compute it
            if os.environ.get("COVERAGE_TRACE"):
                traceback.print_exc()
            found = {"group": case.group, "name": case.name}
            found["unable"] = f"{type(error).__name__}: {error}"[:300]
        with open(results, "a") as file:
            file.write(json.dumps({"number": int(number), **found}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
