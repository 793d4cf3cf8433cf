"""The one path from settings to a finished run."""

import dataclasses
import sys
import time
from collections.abc import Mapping
from typing import Any

import keras

from keras_models.family import DataSpec, Family, Training
from train import datasets, evaluation, pipeline, run_directory, runtime, tensorboard
from train.best_model import BestModel
from train.checkpoint import ExactCheckpoint
from train.images import ImageData
from train.run_directory import RunDirectory
from train.settings import Request, Settings


def fit(request: Request) -> RunDirectory:
    """Trains what was asked for, from the beginning or from the last checkpoint.

    Returns:
        The finished run.

    Raises:
        BadInput: the data, the settings or the directory do not do.
        Interrupted: a signal asked to stop; everything is saved.
        Diverged: a loss or weight stopped being a number.
        OSError: the run could not be written.
    """
    if request.resume is not None:
        return _resume(request)
    settings = _given(request)
    run_directory.check_free(settings.run.run)
    strategy = runtime.prepare(settings.run)
    data = _data(request.family, settings)
    precision = runtime.precision(settings.run, image_side=min(data.spec.height, data.spec.width))
    settings = dataclasses.replace(settings, training=_fitted(settings.training, data))
    request = dataclasses.replace(request, settings=settings)
    with strategy.scope():
        model, twin = _build(request.family, settings, data.spec, precision)
    run = run_directory.create(request, data, precision)
    return _train(request.family, settings, run, data, model, twin)


def _resume(request: Request) -> RunDirectory:
    path = request.resume
    if path is None:
        raise ValueError("no run to resume")
    run, _, settings, config = run_directory.open_existing(path, request.family)
    if run.is_finished:
        sys.stderr.write(f"{path} is finished already\n")
        return run
    strategy = runtime.prepare(settings.run)
    data = _data(request.family, settings)
    run_directory.check_same_data(run, config, data)
    with strategy.scope():
        model, twin = _build(request.family, settings, data.spec, config["precision_used"])
    return _train(request.family, settings, run, data, model, twin)


def _given(request: Request) -> Settings[Any]:
    if request.settings is None:
        raise ValueError("a new run needs settings")
    return request.settings


def _data(family: Family[Any], settings: Settings[Any]) -> ImageData:
    data = datasets.load(
        settings.run.data,
        reads=family.reads,
        image_size=settings.run.image_size or None,
        skip_bad=settings.run.skip_bad,
    )
    left_out = f", {data.skipped} unreadable files left out" if data.skipped else ""
    sys.stderr.write(
        f"{settings.run.data}: {len(data.training)} images to train on, {len(data.validation)} to "
        f"validate, {len(data.test)} to test, {len(data.classes)} classes, "
        f"{data.spec.width} × {data.spec.height} × {data.spec.channels}{left_out}\n"
    )
    return data


def _fitted(training: Training, data: ImageData) -> Training:
    """The numbers that this many images allow: a batch is never larger than the set, and a call
    into TensorFlow never runs past the end of an epoch.
    """
    batch_size = min(training.batch_size, len(data.training))
    training = dataclasses.replace(training, batch_size=batch_size)
    steps = pipeline.steps_per_epoch(data.training, training)
    divisors = (n for n in range(training.steps_per_execution, 0, -1) if steps % n == 0)
    return dataclasses.replace(training, steps_per_execution=next(divisors))


def _build(
    family: Family[Any], settings: Settings[Any], spec: DataSpec, precision: str
) -> tuple[keras.Model, keras.Model]:
    """The model to train, and its float32 twin that is saved."""
    keras.config.set_dtype_policy(precision)
    model = family.build(settings.model, settings.training, spec)
    model.optimizer.build(model.trainable_variables)
    keras.config.set_dtype_policy("float32")
    compiled = family.build(
        settings.model, settings.training, dataclasses.replace(spec, sample=None)
    )
    # Saved without what compiled it: whoever loads it needs neither our loss nor our schedule.
    twin = keras.Model(compiled.input, compiled.output, name=compiled.name)
    return model, twin


def _train(
    family: Family[Any],
    settings: Settings[Any],
    run: RunDirectory,
    data: ImageData,
    model: keras.Model,
    twin: keras.Model,
) -> RunDirectory:
    training = settings.training
    steps = pipeline.steps_per_epoch(data.training, training)
    best = BestModel(run, family.best, twin, training.patience)
    clock = Clock()
    checkpoint = ExactCheckpoint(run.checkpoint, steps, {"best": best, "clock": clock})
    examples = data.examples()
    start = checkpoint.restore()
    if start:
        sys.stderr.write(f"going on after step {start} of {training.epochs * steps}\n")
    watched = tensorboard.callbacks(
        run.logs, family, examples, _flat(settings), batch_size=training.batch_size, twin=twin
    )
    callbacks = [
        *([keras.callbacks.SwapEMAWeights()] if training.average_decay else []),
        best,
        clock,
        *watched,
        EpochLines(training.epochs),
        checkpoint,
    ]
    validation = pipeline.evaluation_batches(data.validation, training.batch_size)
    try:
        for first_step, epoch, epochs, call_steps in _calls(start, steps, training.epochs):
            if best.has_given_up:
                break
            checkpoint.begin_at(first_step)
            model.fit(
                pipeline.training_batches(
                    data, training, seed=settings.run.seed, start_step=first_step
                ),
                initial_epoch=epoch,
                epochs=epochs,
                steps_per_epoch=call_steps,
                shuffle=False,
                validation_data=validation,
                callbacks=callbacks,
                verbose=1 if sys.stderr.isatty() else 0,
            )
    finally:
        checkpoint.release()
    metrics = evaluation.measure(family, run, data, best.state, clock.seconds)
    run.finish(metrics, examples)
    tensorboard.finish(run.logs, _flat(settings), metrics)
    return run


def _calls(start: int, steps: int, epochs: int) -> list[tuple[int, int, int, int]]:
    """The calls of `fit` that lead from `start` to the end: a broken epoch is one of its own.

    Returns:
        (first step, first epoch, epoch to stop before, steps per epoch) of each.
    """
    epoch, done = divmod(start, steps)
    calls = []
    if done:
        calls.append((start, epoch, epoch + 1, steps - done))
        epoch += 1
    if epoch < epochs:
        calls.append((epoch * steps, epoch, epochs, steps))
    return calls


def _flat(settings: Settings[Any]) -> dict[str, str | int | float | bool]:
    """Settings as TensorBoard's table of hyperparameters takes them."""
    parts = (settings.run, settings.model, settings.training)
    values = {name: value for part in parts for name, value in dataclasses.asdict(part).items()}
    return {n: v if isinstance(v, str | int | float | bool) else str(v) for n, v in values.items()}


class Clock(keras.callbacks.Callback):
    """Adds up the seconds spent in training, over all resumptions."""

    def __init__(self) -> None:
        super().__init__()
        self.before = 0.0
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self.before + time.monotonic() - self.began

    @property
    def state(self) -> dict[str, float]:
        """What the checkpoint keeps."""
        return {"seconds": self.seconds}

    @state.setter
    def state(self, value: Mapping[str, float]) -> None:
        self.before, self.began = value["seconds"], time.monotonic()


class EpochLines(keras.callbacks.Callback):
    """Where no terminal shows Keras' bar, one line per epoch with the time it took."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs, self.began = epochs, 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Notes the time."""
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Writes the line."""
        if sys.stderr.isatty():
            return
        figures = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        seconds = time.monotonic() - self.began
        sys.stderr.write(f"epoch {epoch + 1}/{self.epochs}  {seconds:.1f} s  {figures}\n")
