"""Keeps the best model of a run, and stops when it no longer gets better."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_models.family import Monitor
from train.checkpoint import Diverged
from train.run_directory import RunDirectory


class BestModel(keras.callbacks.Callback):
    """Saves `model.keras` whenever the family's validation figure is the best so far.

    What is saved is a float32 twin of the trained model, with the averaged weights where the
    optimizer keeps averages: the very weights that were validated. Of equal figures the later wins.

    Attributes:
        state: `best` figure, its `best_epoch` (from 1), epochs `waited` since; the checkpoint
            keeps it.
    """

    def __init__(
        self, run: RunDirectory, monitor: Monitor, twin: keras.Model, patience: int
    ) -> None:
        """Prepares; `twin` is the same model under the float32 policy, uncompiled."""
        super().__init__()
        self.run, self.monitor, self.twin, self.patience = run, monitor, twin, patience
        self.state: dict[str, Any] = {"best": None, "best_epoch": 0, "waited": 0}

    @property
    def has_given_up(self) -> bool:
        """Whether the figure has not got better for so long that training should stop."""
        return bool(self.patience) and self.state["waited"] >= self.patience

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Compares, saves, or waits; does nothing after an epoch that was not measured."""
        if self.monitor.metric not in (logs or {}):
            return
        value = float((logs or {})[self.monitor.metric])
        if self._is_best(value):
            copy_weights(self.model, self.twin)
            self.run.save_model(self.twin)
            self.state = {"best": value, "best_epoch": epoch + 1, "waited": 0}
        else:
            self.state = {**self.state, "waited": self.state["waited"] + 1}
        if self.has_given_up:
            self.model.stop_training = True

    def _is_best(self, value: float) -> bool:
        best = self.state["best"]
        if best is None:
            return True
        return bool(value >= best if self.monitor.mode == "max" else value <= best)


def copy_weights(model: keras.Model, twin: keras.Model) -> None:
    """Gives `twin` the weights of `model`: the averaged ones where it, or its optimizer, has any.

    Raises:
        Diverged: one of them is not finite.
    """
    averages = model.averages() if hasattr(model, "averages") else _averages(model)
    for source, target in zip(_layer_weights(model), _layer_weights(twin), strict=True):
        value = np.asarray(averages.get(id(source), source))
        if not np.all(np.isfinite(value)):
            raise Diverged(f"the weights of {source.path} are no longer finite")
        target.assign(value)


def keeps_averages(model: keras.Model) -> bool:
    """Tells whether the model's optimizer averages its weights."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return bool(optimizer.use_ema)


def _averages(model: keras.Model) -> dict[int, Any]:
    """The averaged weights by the `id` of what they are averages of."""
    if not keeps_averages(model):
        return {}
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    pairs = zip(model.trainable_variables, optimizer._model_variables_moving_average, strict=True)
    return {id(variable): average for variable, average in pairs}


def _layer_weights(model: keras.Model) -> list[keras.Variable]:
    """All weights but what the model itself keeps for its training, such as a carried state."""
    return [weight for layer in model.layers for weight in layer.weights]
