"""The callback that lets a killed run go on exactly.

A checkpoint is one file of all variables (weights, batch statistics, optimizer, averages, random
states) and of what the other callbacks remember. Its name holds the step and the SHA-256 of its
bytes, so a damaged one is known by looking at it. Not in it: the running means of an unfinished
epoch, so the training curve's point for a resumed epoch is the mean over its remaining steps.
"""

import hashlib
import io
import json
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import keras
import numpy as np

from keras_models import atomic
from keras_models.errors import BadInput

KEPT = 2
"""Checkpoints that are kept: the newest, and one to fall back to."""
INTERVAL_SECONDS = 60.0
"""Most work that a kill can cost."""
STATE = "state.json"


class Remembering(Protocol):
    """A callback whose memory belongs into the checkpoint."""

    state: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """What was read back.

    Attributes:
        step: optimizer steps done, from the beginning of the run.
        variables: by their number and path.
        state: what the callbacks remember, by callback.
    """

    step: int
    variables: Mapping[str, np.ndarray]
    state: Mapping[str, Any]


class Interrupted(Exception):  # noqa: N818 (no error: somebody asked for it)
    """Training stopped because a signal asked for it; everything is saved.

    Attributes:
        signal_number: SIGINT or SIGTERM.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Diverged(Exception):  # noqa: N818 (the field's word)
    """A loss or a weight is no longer a finite number."""


class ExactCheckpoint(keras.callbacks.Callback):
    """Saves all state at each epoch's end, once a minute, and when a signal asks to stop.

    Put it after the callbacks whose memory it saves.
    """

    def __init__(
        self, folder: Path, steps_per_epoch: int, remembering: Mapping[str, Remembering]
    ) -> None:
        """Prepares to save into `folder`, which exists."""
        super().__init__()
        self.folder = folder
        self.steps_per_epoch = steps_per_epoch
        self.remembering = remembering
        self.step = 0
        self.first_step_of_call = 0
        self.restoring: Checkpoint | None = None
        self.saved_at = time.monotonic()
        self.signal_number = 0
        self.handlers: dict[int, Any] = {}

    def restore(self) -> int:
        """Finds the newest intact checkpoint, to be put in place when the first epoch begins.

        Returns:
            The step to go on from; 0 where nothing was saved.

        Raises:
            BadInput: there are checkpoints, and all of them are damaged.
        """
        self.restoring = latest(self.folder)
        if self.restoring is None:
            return 0
        self.step = self.restoring.step
        for name, callback in self.remembering.items():
            callback.state = dict(self.restoring.state[name])
        return self.step

    def begin_at(self, step: int) -> None:
        """Tells at which step of the run the next call of `fit` begins."""
        self.first_step_of_call = step

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Takes over Ctrl-C and SIGTERM: they are honoured when the step is done."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self.handlers.setdefault(number, signal.signal(number, self._note_signal))

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        signal.signal(number, self.handlers[number])  # a second one is not kept waiting

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Puts restored state in place, before the first step that needs it."""
        self.first_step_of_epoch = max(self.first_step_of_call, epoch * self.steps_per_epoch)
        if self.restoring is not None:
            assign(self.model, self.restoring)
            self.restoring = None

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Saves when a minute has passed or a signal came; stops when the loss is no number."""
        self.step = self.first_step_of_epoch + batch + 1
        for name, value in (logs or {}).items():
            if name.endswith("loss") and not np.isfinite(value):
                raise Diverged(f"the {name.replace('_', ' ')} is {value} at step {self.step}")
        is_last = self.step % self.steps_per_epoch == 0
        if self.signal_number and not is_last:
            self._save()
            raise Interrupted(self.signal_number)
        if time.monotonic() - self.saved_at > INTERVAL_SECONDS and not is_last:
            self._save()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Saves; and stops if a signal came during the epoch's last step or its validation."""
        self._save()
        if self.signal_number:
            raise Interrupted(self.signal_number)

    def release(self) -> None:
        """Gives Ctrl-C and SIGTERM back to who had them."""
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers.clear()

    def _save(self) -> None:
        variables = {name: np.asarray(value) for name, value in _named_variables(self.model)}
        for name, value in variables.items():
            if not np.all(np.isfinite(value)):
                raise Diverged(f"{name.split('|')[1]} is no longer finite at step {self.step}")
        state = {name: callback.state for name, callback in self.remembering.items()}
        save(self.folder, Checkpoint(self.step, variables, state))
        self.saved_at = time.monotonic()


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint, then removes all but the newest two.

    Raises:
        OSError: it could not be written; the earlier ones are untouched.
    """
    text = json.dumps(checkpoint.state, sort_keys=True)
    memory = io.BytesIO()
    arrays = {STATE: np.frombuffer(text.encode(), np.uint8), **checkpoint.variables}
    np.savez(memory, **arrays)  # type: ignore[arg-type]
    content = memory.getvalue()
    name = f"{checkpoint.step:010}.{hashlib.sha256(content).hexdigest()}.npz"
    atomic.write(folder / name, lambda beside: _write_bytes(beside, content))
    for old in _newest_first(folder)[KEPT:]:
        old.unlink()


def latest(folder: Path) -> Checkpoint | None:
    """Reads the newest checkpoint whose bytes are what its name says; None where there is none.

    Raises:
        BadInput: there are some, and none is intact.
    """
    found = _newest_first(folder)
    for path in found:
        content = path.read_bytes()
        step, digest, _ = path.name.split(".")
        if hashlib.sha256(content).hexdigest() == digest:
            arrays = dict(np.load(io.BytesIO(content), allow_pickle=False))
            state = json.loads(arrays.pop(STATE).tobytes())
            return Checkpoint(int(step), arrays, state)
        sys.stderr.write(f"{path} is damaged; taking the checkpoint before it\n")
    if found:
        raise BadInput(f"all checkpoints in {folder} are damaged: begin a new run")
    return None


def assign(model: keras.Model, checkpoint: Checkpoint) -> None:
    """Gives every variable of a built and compiled model its saved value.

    Raises:
        BadInput: the checkpoint is of another model.
    """
    named = _named_variables(model)
    if [name for name, _ in named] != list(checkpoint.variables):
        raise BadInput("the checkpoint is of another model or another version of this program")
    for name, variable in named:
        variable.assign(checkpoint.variables[name])


def _named_variables(model: keras.Model) -> list[tuple[str, Any]]:
    """All state once, in a fixed order; numbered, since two may have the same path.

    Metrics are left out: they say how an epoch went, and Keras makes them at its first step.
    """
    measuring = {id(variable) for variable in model.metrics_variables}
    optimizers = getattr(model, "optimizers", [model.optimizer])
    everything = [*model.variables, *(v for one in optimizers for v in one.variables)]
    distinct = {id(variable): variable for variable in everything if id(variable) not in measuring}
    return [(f"{n:04}|{variable.path}", variable) for n, variable in enumerate(distinct.values())]


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.npz"), reverse=True)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
