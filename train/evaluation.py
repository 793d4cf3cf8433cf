"""The figures of a finished run, measured on the part of the data that nobody saw before."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_models.family import Examples, Family
from keras_models.judge import Judge
from train.data import Data
from train.run_directory import RunDirectory


def measure(
    family: Family[Any, Any],
    run: RunDirectory,
    data: Data,
    best: dict[str, Any],
    seconds: float,
    judge: Judge | None,
) -> dict[str, Any]:
    """Measures `model.keras`, reloaded from disk, on the test part.

    Args:
        family: knows which figures matter.
        run: holds the model.
        data: its test part is used here for the first time.
        best: what chose this model: `best`, `best_epoch`.
        seconds: how long the training took, over all resumptions.
        judge: of a family that is judged.

    Returns:
        What `metrics.json` keeps.
    """
    model = keras.saving.load_model(run.model, compile=False)
    examples = dataclasses.replace(data.test_examples(), judge=judge)
    judged = f", as {judge.origin} sees it" if judge else ""
    figures = {**family.measure(model, examples), "examples": data.sizes["test"]}
    return {
        "headline": family.headline.format(**figures),
        "test": figures,
        "validation": {family.best.metric: best["best"], "examples": data.sizes["validation"]},
        "best_epoch": best["best_epoch"],
        "training_seconds": round(seconds, 1),
        "parameters": model.count_params(),
        "how": (
            "model.keras (float32), chosen by "
            f"{family.best.metric} at epoch {best['best_epoch']}, run once over the test part"
            f"{judged}"
        ),
    }


def examples(
    family: Family[Any, Any], run: RunDirectory, held_out: Examples[Any]
) -> dict[str, np.ndarray]:
    """Returns what `examples.npz` keeps: samples to prove an export on, with their answers."""
    inputs = held_out.inputs
    if family.examples is not None:
        model = keras.saving.load_model(run.model, compile=False)
        inputs = family.examples(model, held_out)
    return {**inputs, "answer": held_out.answers}
