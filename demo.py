"""`make demo`: every family on bundled data, from training to an answer, ending in a table.

Runs the commands as a person would type them, and leaves `runs/` and `models/` to look at. A run
that is there already is gone on with, or used as it is.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from serving import bundle_json
from serving.model import find_version


@dataclass(frozen=True)
class Demo:
    """One family's part.

    Attributes:
        family: its name.
        name: of the run and the model.
        flags: of `keras-train`.
        question: from the run to what `keras-serve predict` is asked.
    """

    family: str
    name: str
    flags: Sequence[str]
    question: Callable[[Path], Sequence[str | Path]]


def _an_image(run: Path) -> list[str | Path]:
    """A validation image as a file, so that there is one to ask about."""
    with np.load(run / "examples.npz") as examples:
        pixels = examples["image"][0]
    path = run / "sample.png"
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)
    return [path]


def _a_prompt(run: Path) -> list[str | Path]:
    return ["--prompt", "The value of the expression", "--length", "300"]


def _a_grid(run: Path) -> list[str | Path]:
    return ["--seed", "1", "--count", "100", "--out", run / "grid.png"]


DEMOS = (
    Demo("cnn", "digits", ["--data", "digits"], _an_image),
    Demo("gan", "gan", ["--data", "digits"], _a_grid),
    Demo("text", "python", ["--data", "python", "--cell", "gru"], _a_prompt),
)


def main() -> int:
    """Runs everything and prints the table."""
    began = time.monotonic()
    rows = [_demonstrate(demo) for demo in DEMOS]
    for row in rows:
        print()
        width = max(map(len, row))
        for title, value in row.items():
            print(f"{title:<{width}}  {value}")
    print(f"\n{time.monotonic() - began:.0f} s in all.")
    print("What to type next (after: . .venv/bin/activate):")
    print("  tensorboard --logdir runs")
    for demo in DEMOS:
        question = " ".join(_quoted(word) for word in demo.question(Path("runs") / demo.name))
        print(f"  keras-serve predict models/{demo.name} {question}")
    print("  keras-train --help")
    return 0


def _demonstrate(demo: Demo) -> dict[str, str]:
    run, models = Path("runs") / demo.name, Path("models")
    going_on = (run / "config.json").exists()
    _type("train", demo.family, *(["--resume"] if going_on else demo.flags), "--run", run)
    _type("export", run, "--to", models)
    version = find_version(models / demo.name)
    _type("export.verify", version, "--savedmodel")
    _type("serving", "predict", models / demo.name, *demo.question(run))
    timing = subprocess.run(
        [sys.executable, "-m", "benchmarks.prediction", run, version, "--json"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return _row(demo, run, version, json.loads(timing.stdout.splitlines()[-1]))


def _type(module: str, *arguments: object) -> None:
    command = {
        "train": "keras-train",
        "export": "keras-export",
        "export.verify": "keras-verify",
        "serving": "keras-serve",
    }[module]
    print(f"\n$ {command} {' '.join(_quoted(word) for word in arguments)}", flush=True)
    done = subprocess.run([sys.executable, "-m", module, *map(str, arguments)], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _quoted(word: object) -> str:
    text = str(word)
    return f'"{text}"' if " " in text else text


def _row(demo: Demo, run: Path, version: Path, timing: dict[str, float]) -> dict[str, str]:
    metrics = json.loads((run / "metrics.json").read_text())
    proofs = bundle_json.read(version).proof
    row = {
        "family": demo.family,
        "test": f"{metrics['headline']}, {metrics['training_seconds']:.0f} s of training",
    }
    for runtime, title in (("savedmodel", "SavedModel"), ("onnx", "ONNX")):
        own = [proof for proof in proofs if proof.runtime == runtime]
        ties = sum(proof.decisions_tied for proof in own)
        row[title] = (
            f"largest error {max(p.largest_relative_error for p in own):.1e} of the spread, "
            f"{sum(p.decisions_agreeing for p in own)} of {sum(p.decisions for p in own)} "
            f"decisions agree with Keras{f', {ties} ties' if ties else ''}"
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
