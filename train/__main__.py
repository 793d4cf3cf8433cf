"""`keras-train`: from data to a run directory."""

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_models import backend
from train import heap


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0 done, 1 the work failed, 2 bad input or a target that cannot be written, 130 after
        Ctrl-C, 143 after SIGTERM.
    """
    heap.keep()
    note = backend.prepare()
    if note:
        sys.stderr.write(f"keras-train: {note}\n")
    from train import settings
    from train.failures import explained
    from train.fit import fit

    given = list(sys.argv[1:] if arguments is None else arguments)
    path: Path | None = None
    try:
        asked = settings.parse(given)
        path = asked.path
        with contextlib.redirect_stdout(sys.stderr):
            run = fit(asked)
    except BrokenPipeError:
        sys.stderr.close()  # `--help | head`: nobody reads on, and no word about it at exit either
        return 0 if path is None else 1
    except (Exception, KeyboardInterrupt) as error:
        known = explained(error, path, given[0] if given else "")
        if known is None:
            raise
        message, code = known
        word = "error: " if code in (1, 2) else ""
        sys.stderr.write(f"keras-train: {word}{message}\n")
        return code
    _report(run.path, json.loads(run.metrics.read_text()))
    return 0


def _report(path: Path, metrics: dict) -> None:
    print(
        f"{metrics['headline']} "
        f"({metrics['parameters']:,} parameters, {metrics['training_seconds']:.0f} s of training)"
    )
    print(f"the run is in {path}")
    print(f"next: keras-export {path} --to models")
    print(f"      tensorboard --logdir {path.parent}")


if __name__ == "__main__":
    sys.exit(main())
