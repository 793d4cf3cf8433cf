"""Runs a bundle's files over golden inputs in a process of their own.

The proof of an export and `keras-verify --savedmodel` both use it; TensorFlow is loaded in the
child alone.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from serving import golden
from serving.errors import ServingError
from serving.golden import Arrays, Case, Runner

RUNNERS: Mapping[str, Sequence[str]] = {
    "savedmodel": ["-I", str(Path(__file__).with_name("savedmodel_runner.py"))],
    "onnx": ["-m", "export.onnx_runner"],
}


def answers(runtime: str, folder: Path, cases: Sequence[Case]) -> Runner:
    """Runs all cases at once, and returns a function that looks their answers up.

    Raises:
        ServingError: the process failed; carries the last line it wrote.
    """
    arrays = _run(runtime, folder, cases)
    by_inputs: dict[int, Arrays] = {}
    for case in cases:
        prefix = f"{case.signature}/{case.name}/output/"
        by_inputs[id(case.inputs)] = {
            name.removeprefix(prefix): value
            for name, value in arrays.items()
            if name.startswith(prefix)
        }
    return lambda _, inputs: by_inputs[id(inputs)]


def _run(runtime: str, folder: Path, cases: Sequence[Case]) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as place:
        inputs, outputs = Path(place) / "inputs.npz", Path(place) / "outputs.npz"
        with inputs.open("wb") as file:
            np.savez(file, **golden.to_arrays(cases))  # type: ignore[arg-type]
        done = subprocess.run(
            [sys.executable, *RUNNERS[runtime], str(folder), str(inputs), str(outputs)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            raise ServingError(
                f"the {runtime} files could not be run in a fresh process: {lines[-1]}"
            )
        with np.load(outputs, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
