"""`keras-train`: from data to a run directory."""

import contextlib
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_models import backend
from keras_models.errors import BadInput


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0 done, 1 the work failed, 2 bad input, 130 after Ctrl-C, 143 after SIGTERM.
    """
    note = backend.prepare()
    if note:
        sys.stderr.write(f"keras-train: {note}\n")
    from train import settings
    from train.checkpoint import Diverged, Interrupted
    from train.fit import fit

    given = list(sys.argv[1:] if arguments is None else arguments)
    path: Path | None = None
    try:
        asked = settings.parse(given)
        path = asked.path
        with contextlib.redirect_stdout(sys.stderr):
            run = fit(asked)
    except BadInput as error:
        return _fail(str(error), 2)
    except ValueError as error:
        return _fail(str(error), 2)
    except Diverged as error:
        return _fail(
            f"{error}; the best model so far is kept in {path}: try a smaller "
            "--learning-rate or --clip-norm 1",
            1,
        )
    except Interrupted as stopped:
        sys.stderr.write(
            f"stopped; the best model so far is kept, and all that is needed to go on:\n"
            f"  keras-train {given[0]} --run {path} --resume\n"
        )
        return 128 + stopped.signal_number
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except OSError as error:
        return _fail(f"cannot write {error.filename or path}: {error.strerror or error}", 1)
    _report(run.path, json.loads(run.metrics.read_text()))
    return 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"keras-train: error: {message}\n")
    return code


def _report(path: Path, metrics: dict) -> None:
    test = metrics["test"]
    print(
        f"test accuracy {test['accuracy']:.2%} on {test['examples']} unseen images "
        f"({metrics['parameters']:,} parameters, {metrics['training_seconds']:.0f} s of training)"
    )
    print(f"the run is in {path}")
    print(f"next: keras-export {path} --to models")
    print(f"      tensorboard --logdir {path.parent}")


if __name__ == "__main__":
    sys.exit(main())
