"""The callbacks that write what TensorBoard shows: curves, pictures, weights, gradients, settings.

Tags and what they tell: docs/tensorboard.md.
"""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hyperparameters

from keras_models.family import Examples, Family
from keras_models.gradients import packed
from keras_models.observation import Distribution, Embedding, Observation, Picture, Sample
from train import projector, samples
from train.best_model import copy_weights
from train.run_directory import RunDirectory

SHARE_OF_TIME = 0.05
"""Observations may take this share of the training time; if dearer, epochs are skipped."""


def callbacks(
    run: RunDirectory,
    family: Family[Any, Any],
    examples: Examples[Any],
    settings: Mapping[str, str | int | float | bool],
    *,
    batch_size: int,
    twin: keras.Model,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of one run; they go on in the same files when it is resumed.

    Args:
        run: its `logs/` are what TensorBoard reads; pictures that move go to its `samples/`.
        family: its `observe` says what there is to see.
        examples: validation samples to look through.
        settings: all settings, flat.
        batch_size: to count examples per second.
        twin: the uncompiled float32 model; it is given the current weights to be looked at.
    """
    return [
        Curves(run.logs, batch_size),
        Observations(run, family, examples, twin),
        Graph(run.logs / "train", twin, settings),
    ]


def finish(logs: Path, settings: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Writes the settings and the final figures into the HParams tab."""
    writer = tf.summary.create_file_writer(str(logs / "train"), filename_suffix=".hparams")
    with writer.as_default(step=0):
        hyperparameters.hparams(dict(settings), trial_id=str(settings.get("run", "run")))
        for name, value in metrics["test"].items():
            tf.summary.scalar(f"test/{name}", value)
        tf.summary.scalar("training_seconds", metrics["training_seconds"])
    writer.close()


class Curves(keras.callbacks.Callback):
    """Losses and metrics per epoch, learning rate, and examples per second."""

    def __init__(self, logs: Path, batch_size: int) -> None:
        """Opens both event files."""
        super().__init__()
        self.writers = {part: _writer(logs / part) for part in ("train", "validation")}
        self.batch_size = batch_size
        self.began, self.steps = 0.0, 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Starts the clock."""
        self.began, self.steps = time.monotonic(), 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Counts; validation is not part of the speed."""
        self.steps, self.ended = batch + 1, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Writes one point to each curve."""
        for name, value in (logs or {}).items():
            is_validation = name.startswith("val_")
            writer = self.writers["validation" if is_validation else "train"]
            with writer.as_default(step=epoch + 1):
                tf.summary.scalar(f"epoch_{name.removeprefix('val_')}", value)
        with self.writers["train"].as_default(step=epoch + 1):
            tf.summary.scalar("learning_rate", np.asarray(self.model.optimizer.learning_rate))
            seconds = max(self.ended - self.began, 1e-9)
            tf.summary.scalar("examples_per_second", self.steps * self.batch_size / seconds)
        for writer in self.writers.values():
            writer.flush()


class Observations(keras.callbacks.Callback):
    """What the family shows of the model, and how large the gradients of its layers are."""

    def __init__(
        self,
        run: RunDirectory,
        family: Family[Any, Any],
        examples: Examples[Any],
        twin: keras.Model,
    ) -> None:
        """Opens the event file."""
        super().__init__()
        self.run, self.logs = run, run.logs / "validation"
        self.writer = _writer(self.logs, ".observations")
        self.family, self.examples, self.twin = family, examples, twin
        self.spent, self.began = 0.0, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Looks, unless looking has taken too much of the time already."""
        is_last = epoch + 1 == self.params.get("epochs")
        now = time.monotonic()
        if epoch and not is_last and self.spent > SHARE_OF_TIME * (now - self.began):
            return
        copy_weights(self.model, self.twin)
        with self.writer.as_default(step=epoch + 1):
            for name, shown in self.family.observe(self.twin, self.examples).items():
                if isinstance(shown, Embedding):
                    projector.write(self.logs, name, shown)
                else:
                    _write(name, shown)
                if isinstance(shown, Picture) and shown.is_animated:
                    samples.keep(self.run.samples, name, shown, epoch + 1)
            gradients = self.family.gradients(self.model, self.examples)
            for name, norm in gradient_norms(gradients).items():
                tf.summary.scalar(f"gradient_norm/{name}", norm)
        self.writer.flush()
        self.spent += time.monotonic() - now


class Graph(keras.callbacks.Callback):
    """The model's graph, once, and the settings as a table."""

    def __init__(
        self, logs: Path, twin: keras.Model, settings: Mapping[str, str | int | float | bool]
    ) -> None:
        """Notes what to write when training begins."""
        super().__init__()
        self.logs, self.twin, self.settings = logs, twin, settings
        self.is_written = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Writes both."""
        if self.is_written:
            return
        self.is_written = True
        traced = tf.function(lambda *inputs: self.twin(packed(inputs), training=False))
        specs = [tf.TensorSpec(t.shape, t.dtype, name=t.name) for t in self.twin.inputs]
        rows = "\n".join(f"| {name} | {value} |" for name, value in self.settings.items())
        writer = _writer(self.logs, ".graph")
        with writer.as_default(step=0):
            tf.summary.graph(traced.get_concrete_function(*specs).graph)
            tf.summary.text("settings", f"| setting | value |\n|---|---|\n{rows}")
        writer.close()


def gradient_norms(gradients: Iterable[tuple[Any, tf.Tensor]]) -> dict[str, float]:
    """Returns the norm by layer, of each weight with its gradient.

    Norms that shrink by a factor from layer to layer, towards the input, are the vanishing
    gradient of Hochreiter 1991.
    """
    squares: dict[str, float] = {}
    for variable, gradient in gradients:
        if gradient is not None:
            layer = variable.path.rsplit("/", 1)[0]
            square = float(tf.reduce_sum(tf.square(tf.cast(gradient, tf.float32))))
            squares[layer] = squares.get(layer, 0.0) + square
    return {layer: square**0.5 for layer, square in squares.items()}


def _write(name: str, shown: Observation) -> None:
    if isinstance(shown, Picture):
        tf.summary.image(name, shown.pixels, max_outputs=8, description=shown.caption)
    elif isinstance(shown, Sample):
        tf.summary.text(name, shown.text)
    elif isinstance(shown, Distribution):
        tf.summary.histogram(name, shown.values)


def _writer(folder: Path, suffix: str = "") -> tf.summary.SummaryWriter:
    return tf.summary.create_file_writer(str(folder), filename_suffix=suffix or None)
