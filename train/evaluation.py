"""The figures of a finished run, measured on the part of the data that nobody saw before."""

from typing import Any

import keras

from keras_models.family import Family
from train.data import Data
from train.run_directory import RunDirectory


def measure(
    family: Family[Any, Any], run: RunDirectory, data: Data, best: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Measures `model.keras`, reloaded from disk, on the test part.

    Args:
        family: knows which figures matter.
        run: holds the model.
        data: its test part is used here for the first time.
        best: what chose this model: `best`, `best_epoch`.
        seconds: how long the training took, over all resumptions.

    Returns:
        What `metrics.json` keeps.
    """
    model = keras.saving.load_model(run.model, compile=False)
    figures = {**family.measure(model, data.test_examples()), "examples": data.sizes["test"]}
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
        ),
    }
