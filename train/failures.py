"""What stopped a training run, in one line: what happened, what is kept, how to go on."""

import signal
from pathlib import Path

import tensorflow as tf

from keras_models.errors import BadInput
from train.checkpoint import Diverged, Interrupted
from train.run_directory import RunDirectory

FULL = "No space left on device"


def explained(error: BaseException, path: Path | None, family: str) -> tuple[str, int] | None:
    """Says what a person needs to know.

    Args:
        error: what ended the training.
        path: the run directory, None where the command line was not understood.
        family: what was trained.

    Returns:
        The line and the exit code, 2 for what the person can mend; None for an error that nobody
        expected, whose traceback is wanted.
    """
    resume = f"keras-train {family} --run {path} --resume"
    if isinstance(error, BadInput | ValueError):
        return str(error), 2
    if isinstance(error, Diverged):
        advice = "try a smaller --learning-rate, or --clip-norm 1"
        return f"{error}; {_kept(path)}; {advice}", 1
    if isinstance(error, Interrupted | KeyboardInterrupt):
        number = error.signal_number if isinstance(error, Interrupted) else signal.SIGINT
        return f"stopped{_how_to_go_on(path, 'go on with', resume)}", 128 + number
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return _unwritten(error.filename or path, reason, path, resume), 2
    if isinstance(error, tf.errors.ResourceExhaustedError):
        if FULL in error.message:
            return _unwritten(path, FULL, path, resume), 2
        return "out of memory: try a smaller --batch-size or --image-size", 1
    return None


def _unwritten(what: object, reason: str, path: Path | None, resume: str) -> str:
    going_on = _how_to_go_on(path, "when that is mended, go on with", resume)
    return f"cannot write {what}: {reason}{going_on}"


def _how_to_go_on(path: Path | None, lead: str, resume: str) -> str:
    if path is None or not RunDirectory(path).config.exists():
        return ""
    return f"; {_kept(path)}; {lead}: {resume}"


def _kept(path: Path | None) -> str:
    if path is not None and RunDirectory(path).model.exists():
        return f"the best model so far is kept in {path}"
    return "no epoch was finished, so there is no model yet"
