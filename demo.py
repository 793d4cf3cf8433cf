"""`make demo`: every family on bundled data, from training to an answer, ending in a table.

Runs the commands as a person would type them, and leaves `runs/` and `models/` to look at. A run
that is there already is gone on with, or used as it is.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from serving import bundle
from serving.model import find_version

DEMOS = {"cnn": ("digits", ["--data", "digits"])}
"""Family → name of the run, flags."""


def main() -> int:
    """Runs everything and prints the table."""
    began = time.monotonic()
    rows = [_demonstrate(family, name, flags) for family, (name, flags) in DEMOS.items()]
    print()
    for row in rows:
        width = max(map(len, row))
        for title, value in row.items():
            print(f"{title:<{width}}  {value}")
    name = next(iter(DEMOS.values()))[0]
    print(f"\n{time.monotonic() - began:.0f} s in all.")
    print("What to type next (after: . .venv/bin/activate):")
    print("  tensorboard --logdir runs")
    print(f"  keras-serve predict models/{name} runs/{name}/sample.png")
    print("  keras-train cnn --help")
    return 0


def _demonstrate(family: str, name: str, flags: list[str]) -> dict[str, str]:
    run, models = Path("runs") / name, Path("models")
    going_on = (run / "config.json").exists()
    _type("train", family, *(["--resume"] if going_on else flags), "--run", run)
    _type("export", run, "--to", models)
    version = find_version(models / name)
    _type("export.verify", version, "--savedmodel")
    _write_sample(run)
    _type("serving", "predict", models / name, run / "sample.png")
    timing = subprocess.run(
        [sys.executable, "-m", "benchmarks.prediction", run, version, "--json"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return _row(family, run, version, json.loads(timing.stdout.splitlines()[-1]))


def _type(module: str, *arguments: object) -> None:
    command = {
        "train": "keras-train",
        "export": "keras-export",
        "export.verify": "keras-verify",
        "serving": "keras-serve",
    }[module]
    print(f"\n$ {command} {' '.join(map(str, arguments))}", flush=True)
    done = subprocess.run([sys.executable, "-m", module, *map(str, arguments)], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _write_sample(run: Path) -> None:
    """A validation image as a file, so that there is one to ask about."""
    with np.load(run / "examples.npz") as examples:
        pixels = examples["image"][0]
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(run / "sample.png")


def _row(family: str, run: Path, version: Path, timing: dict[str, float]) -> dict[str, str]:
    metrics = json.loads((run / "metrics.json").read_text())
    proofs = bundle.read(version).proof
    row = {
        "family": family,
        "test": f"accuracy {metrics['test']['accuracy']:.2%} on {metrics['test']['examples']} "
        f"unseen samples, {metrics['training_seconds']:.0f} s of training",
    }
    for runtime, title in (("savedmodel", "SavedModel"), ("onnx", "ONNX")):
        own = [proof for proof in proofs if proof.runtime == runtime]
        row[title] = (
            f"largest error {max(p.largest_absolute_error for p in own):.1e} "
            f"({max(p.largest_relative_error for p in own):.1e} of the spread), "
            f"{sum(p.decisions_agreeing for p in own)} of {sum(p.decisions for p in own)} "
            "decisions agree with Keras"
        )
    row["one prediction"] = (
        f"model.predict {timing['Keras model.predict']:.1f} ms, "
        f"SavedModel {timing['SavedModel']:.2f} ms, "
        f"ONNX Runtime {timing['ONNX Runtime (serving)']:.3f} ms"
    )
    row["files"] = f"{run}/ (run), {version}/ (bundle)"
    return row


if __name__ == "__main__":
    sys.exit(main())
