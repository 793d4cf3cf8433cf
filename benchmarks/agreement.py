"""How well a bundle's ONNX graph agrees with Keras on a whole test part.

    python -m benchmarks.agreement runs/mnist models/mnist/1

Every image that the run was tested on; decisions are top classes.
"""

import argparse
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    """Measures and prints; 1 where a decision differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run directory")
    parser.add_argument("bundle", type=Path, help="its bundle")
    options = parser.parse_args()

    from keras_models import backend

    backend.prepare()
    from keras_models.errors import BadInput

    try:
        keras_says, onnx_says, labels = _answers(options.run, options.bundle)
    except BadInput as error:
        parser.error(str(error))
    error = abs(keras_says - onnx_says).max()
    spread = keras_says.max() - keras_says.min()
    agreeing = int(sum(keras_says.argmax(axis=1) == labels))
    print(f"images               {len(labels)}")
    print(f"decisions agreeing   {agreeing} ({agreeing / len(labels):.2%})")
    print(f"largest error        {error:.2e}, {error / spread:.2e} of the spread {spread:.3f}")
    return 0 if agreeing == len(labels) else 1


def _answers(run: Path, bundle: Path) -> Any:
    """Probabilities of Keras and of ONNX Runtime, and the latter's labels, for the test part."""
    import keras
    import numpy as np

    import serving
    from benchmarks.finished_run import opened

    model, data = opened(run, "cnn")
    test = data.test
    served = serving.load(bundle)
    expected, actual, labels = [], [], []
    for start in range(0, len(test), 100):
        images = test.pixels[start : start + 100]
        expected.append(keras.ops.softmax(model(images, training=False)).numpy())
        answers = served.predict(image=images)
        actual.append(answers["probabilities"])
        labels.append(answers["label"])
    return np.concatenate(expected), np.concatenate(actual), np.concatenate(labels)


if __name__ == "__main__":
    sys.exit(main())
