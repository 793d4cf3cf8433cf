"""Finds the judge of a generator: a finished run of `keras-train cnn`, beside the generator's own.

Where there is none on the same data, one is trained first, as a person would: in a process and a
run directory of its own, which the next generator finds again.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras

import keras_models
from keras_models.data_spec import RUN_FORMAT
from keras_models.errors import BadInput
from keras_models.generative_metrics import NEIGHBOURS
from keras_models.judge import Judge
from train.checkpoint import Interrupted
from train.images import ImageData
from train.run_directory import RunDirectory
from train.settings import ImageRun

PRESETS = {(28, 28, 1): "mnist", (32, 32, 3): "cifar10"}
"""The classifier's preset by the images' height, width and channels; of others its default."""


def check(data: Any) -> None:
    """Makes sure that enough images are held back to measure a generator on.

    Raises:
        BadInput: there are not more than the neighbours that are looked for.
    """
    fewest = min(data.sizes["validation"], data.sizes["test"])
    if fewest <= NEIGHBOURS:
        raise BadInput(
            f"{data.summary}: a generator is measured on held-out images, and needs more than "
            f"{NEIGHBOURS} in each part"
        )


def find(run: ImageRun, data: Any) -> Path:
    """Finds a judge beside a generator's run, or trains one there.

    Args:
        run: the generator's settings.
        data: what it learns from, an `ImageData`.

    Raises:
        BadInput: the data have but one class, of which no classifier can be trained.
        Interrupted: a signal stopped the judge's training.
    """
    return _best_beside(run.run, data) or _trained(run, data)


def load(path: Path, data: Any) -> Judge:
    """Loads a judge.

    Raises:
        BadInput: the path holds no finished classifier, or one of other images.
    """
    run = RunDirectory(path)
    try:
        config, metrics = (json.loads(file.read_text()) for file in (run.config, run.metrics))
    except (OSError, ValueError) as error:
        raise BadInput(f"--judge {path}: there is no finished run of keras-train cnn") from error
    if config.get("family") != "cnn" or config.get("format") != RUN_FORMAT:
        raise BadInput(f"--judge {path} is no run of keras-train cnn of this version")
    keras_models.get("cnn")  # Keras loads what a classifier may be made of by these names
    classifier = keras.saving.load_model(run.model, compile=False)
    origin = f"{path} ({metrics['test']['accuracy']:.2%} right on unseen images)"
    sys.stderr.write(f"judge: {origin}\n")
    return Judge(classifier, config["spec"]["classes"], data.training.pixels, origin)


def _best_beside(own: Path, data: ImageData) -> Path | None:
    """The most accurate of the finished classifiers of the same data."""
    found: dict[Path, float] = {}
    for metrics in own.parent.glob("*/metrics.json"):
        try:
            config = json.loads((metrics.parent / "config.json").read_text())
            if config["family"] == "cnn" and config["data_fingerprint"] == data.fingerprint:
                found[metrics.parent] = json.loads(metrics.read_text())["test"]["accuracy"]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no run, or a damaged one
    return max(found, key=lambda path: (found[path], str(path))) if found else None


def _trained(run: ImageRun, data: ImageData) -> Path:
    if len(data.classes) < 2:
        raise BadInput(
            "the data have one class, so no judge can be trained on them: name a run of "
            "keras-train cnn on images of the same size with --judge"
        )
    spec = data.spec
    preset = PRESETS.get((spec.height, spec.width, spec.channels))
    path = run.run.with_name(f"{run.run.name}-judge")
    flags = ["--data", run.data, *(["--preset", preset] if preset else [])]
    flags += [
        *(["--image-size", str(run.image_size)] if run.image_size else []),
        *(["--skip-bad"] if run.skip_bad else []),
    ]
    flags = ["--resume"] if (path / "config.json").exists() else flags
    words = ["cnn", *flags, "--run", str(path)]
    sys.stderr.write(
        f"there is no judge of these images in {path.parent}: first keras-train {' '.join(words)}\n"
    )
    done = subprocess.run([sys.executable, "-m", "train", *words], check=False, stdout=sys.stderr)
    if done.returncode > 128:
        raise Interrupted(done.returncode - 128)
    if done.returncode:
        raise BadInput("the judge could not be trained: its own words are above")
    return path
