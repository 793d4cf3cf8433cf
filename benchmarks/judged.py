"""What another judge says of finished generators: distances compare only through the same eyes.

    python -m benchmarks.judged --judge runs/plain runs/mnist-gan runs/dcgan

As many made images as the test part has real ones, as at the end of `keras-train gan`.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

SHOWN = ("frechet_distance", "frechet_floor", "coverage", "coverage_floor", "precision", "recall")


def main() -> int:
    """Measures and prints a line for each run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--judge", type=Path, required=True, help="a run of keras-train cnn")
    parser.add_argument("runs", type=Path, nargs="+", help="runs of keras-train gan")
    options = parser.parse_args()

    from keras_models import backend

    backend.prepare()
    from keras_models.errors import BadInput

    try:
        for run in options.runs:
            figures = _figures(run, options.judge)
            shown = "  ".join(f"{name} {figures[name]:.3f}" for name in SHOWN)
            accuracy = figures.get("class_accuracy")
            print(f"{run}: {shown}" + (f"  class_accuracy {accuracy:.2%}" if accuracy else ""))
    except BadInput as error:
        parser.error(str(error))
    return 0


def _figures(run: Path, judge: Path) -> dict[str, float]:
    import keras_models
    from benchmarks.finished_run import opened
    from train import judges

    keras_models.get("cnn")  # registers the judge's layers
    model, data = opened(run, "gan")
    examples = dataclasses.replace(data.test_examples(), judge=judges.load(judge, data))
    return keras_models.get("gan").measure(model, examples)


if __name__ == "__main__":
    sys.exit(main())
