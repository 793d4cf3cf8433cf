"""The one path from settings to a finished run."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import keras

from keras_models.family import Family
from keras_models.judge import Judge
from keras_models.plain_keras import in_plain_keras
from train import evaluation, judges, run_directory, runtime, tensorboard
from train.best_model import BestModel, keeps_averages
from train.checkpoint import ExactCheckpoint, Remembering
from train.clock import Clock, EpochLines
from train.data import Data, Pipeline
from train.following import Following
from train.kinds import KINDS
from train.run_directory import RunDirectory
from train.settings import AnySettings, NewRun, Resumption


def fit(asked: NewRun | Resumption) -> RunDirectory:
    """Trains what was asked for, from the beginning or from the last checkpoint.

    Returns:
        The finished run.

    Raises:
        BadInput: the data, the settings or the directory do not do.
        Interrupted: a signal asked to stop; everything is saved.
        Diverged: a loss or weight stopped being a number.
        OSError: the run could not be written.
    """
    return _begin(asked) if isinstance(asked, NewRun) else _go_on(asked)


def _begin(new: NewRun) -> RunDirectory:
    run_directory.check_free(new.path)
    strategy = runtime.prepare(new.settings.run, jit=new.settings.training.jit)
    data = _data(new.family, new.settings)
    precision = runtime.precision(
        new.settings.run,
        bfloat16_pays_on_cpu=new.family.bfloat16_pays_on_cpu(new.settings.model, data.spec),
    )
    pipeline = KINDS[new.family.reads].pipeline
    training = _fitted(new.settings.training, data, pipeline, strategy.num_replicas_in_sync)
    if new.family.follow:
        judges.check(data)
    if new.family.follow and not training.judge:
        training = dataclasses.replace(training, judge=str(judges.find(new.settings.run, data)))
    new = dataclasses.replace(new, settings=dataclasses.replace(new.settings, training=training))
    with strategy.scope():
        model, twin = _build(new.family, new.settings, data, precision)
    judge = _judge(new.family, new.settings, data)
    run = run_directory.create(new, data, precision)
    return _train(new.family, new.settings, run, data, model, twin, judge)


def _go_on(resumption: Resumption) -> RunDirectory:
    run, settings, config = run_directory.open_existing(resumption.path, resumption.family)
    if run.is_finished:
        sys.stderr.write(f"{run.path} is finished already\n")
        return run
    strategy = runtime.prepare(settings.run, jit=settings.training.jit)
    data = _data(resumption.family, settings)
    run_directory.check_same_data(run, config, data)
    with strategy.scope():
        model, twin = _build(resumption.family, settings, data, config["precision_used"])
    judge = _judge(resumption.family, settings, data)
    return _train(resumption.family, settings, run, data, model, twin, judge)


def _data(family: Family[Any, Any], settings: AnySettings) -> Data:
    data = KINDS[family.reads].load(settings.run)
    sys.stderr.write(f"{settings.run.data}: {data.summary}\n")
    return data


def _fitted(training: Any, data: Data, pipeline: Pipeline[Any], replicas: int) -> Any:
    """The numbers that these data and devices allow.

    A batch is never larger than the set; a call into TensorFlow never runs past the end of an
    epoch, and is one step on several devices, where TensorFlow 2.21 cannot loop over a
    distributed iterator ("You must feed a value for placeholder tensor").
    """
    training = pipeline.fitted(data, training)
    steps = pipeline.steps_per_epoch(data, training)
    most = training.steps_per_execution if replicas == 1 else 1
    divisor = next(number for number in range(most, 0, -1) if steps % number == 0)
    return dataclasses.replace(training, steps_per_execution=divisor)


def _judge(family: Family[Any, Any], settings: AnySettings, data: Data) -> Judge | None:
    return judges.load(Path(settings.training.judge), data) if family.follow else None


def _build(
    family: Family[Any, Any], settings: AnySettings, data: Data, precision: str
) -> tuple[keras.Model, keras.Model]:
    """The model to train, and its float32 twin that is saved."""
    steps = KINDS[family.reads].pipeline.steps_per_epoch(data, settings.training)
    keras.config.set_dtype_policy(precision)
    model = family.build(settings.model, settings.training, data.spec, steps)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    keras.config.set_dtype_policy("float32")
    # Built from the record alone, as whoever exports the run knows the data.
    spec = type(data.spec).from_record(data.spec.record())
    compiled = family.build(settings.model, settings.training, spec, steps)
    # Saved without what compiled it: whoever loads it needs neither our loss nor our schedule.
    twin = keras.Model(compiled.input, compiled.output, name=compiled.name)
    return model, in_plain_keras(twin)


def _train(
    family: Family[Any, Any],
    settings: AnySettings,
    run: RunDirectory,
    data: Data,
    model: keras.Model,
    twin: keras.Model,
    judge: Judge | None,
) -> RunDirectory:
    training = settings.training
    pipeline = KINDS[family.reads].pipeline
    steps = pipeline.steps_per_epoch(data, training)
    examples = dataclasses.replace(data.examples(), judge=judge)
    best = BestModel(run, family.best, twin, training.patience)
    clock = Clock()
    following = _following(family, training, data, judge, twin)
    remembering: dict[str, Remembering] = {"best": best, "clock": clock, **following}
    checkpoint = ExactCheckpoint(run.checkpoint, steps, remembering)
    start = checkpoint.restore()
    if start:
        sys.stderr.write(f"going on after step {start} of {training.epochs * steps}\n")
    watched = tensorboard.callbacks(
        run, family, examples, _flat(settings), batch_size=training.batch_size, twin=twin
    )
    callbacks = [
        *([keras.callbacks.SwapEMAWeights()] if keeps_averages(model) else []),
        *following.values(),
        best,
        clock,
        *watched,
        EpochLines(training.epochs),
        checkpoint,
    ]
    validation = pipeline.validation_batches(data, training)
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
    metrics = evaluation.measure(family, run, data, best.state, clock.seconds, judge)
    run.finish(metrics, evaluation.examples(family, run, examples))
    tensorboard.finish(run.logs, _flat(settings), metrics)
    return run


def _following(
    family: Family[Any, Any], training: Any, data: Data, judge: Judge | None, twin: keras.Model
) -> dict[str, Following]:
    """What measures at intervals, of a family that needs it."""
    if family.follow is None:
        return {}
    examples = dataclasses.replace(data.validation_examples(), judge=judge)
    following = Following(
        family.follow, examples, twin, every=training.measure_every, epochs=training.epochs
    )
    return {"following": following}


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


def _flat(settings: AnySettings) -> dict[str, str | int | float | bool]:
    """Settings as TensorBoard's table of hyperparameters takes them."""
    parts = (settings.run, settings.model, settings.training)
    values = {name: value for part in parts for name, value in dataclasses.asdict(part).items()}
    return {n: v if isinstance(v, str | int | float | bool) else str(v) for n, v in values.items()}
