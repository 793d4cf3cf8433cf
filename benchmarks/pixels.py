"""How well a generator's bundle agrees with Keras on the pixels of 10,000 made images.

    python -m benchmarks.pixels runs/gan models/gan/1

The same latents, each class in turn, through Keras, the SavedModel and ONNX Runtime.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

IMAGES, BATCH = 10_000, 250
MOST = 1
"""Of 255: what a pixel may differ by, since the middle between two values rounds to either."""


def main() -> int:
    """Measures and prints; 1 where a pixel differs by more than one value."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run of the gan family")
    parser.add_argument("bundle", type=Path, help="its bundle")
    options = parser.parse_args()

    from keras_models import backend

    backend.prepare()
    import numpy as np

    from keras_models.errors import BadInput
    from serving.errors import ServingError

    try:
        made, others = _runtimes(options.run, options.bundle)
    except (BadInput, ServingError) as error:
        parser.error(str(error))
    differences: dict[str, list[Any]] = {name: [] for name in others}
    for latent, label in _wishes(made.latent, made.classes):
        pixels = made.images(latent, label).astype(np.int16)
        for name, images in others.items():
            differences[name].append(np.abs(images(latent, label) - pixels))
    worst = 0
    for name, found in differences.items():
        all_of_them = np.concatenate(found)
        worst = max(worst, int(all_of_them.max()))
        print(
            f"{name:14} {len(all_of_them)} images, {np.mean(all_of_them == 0):.4%} of pixels "
            f"equal to Keras', largest difference {all_of_them.max()} of 255"
        )
    return int(worst > MOST)


def _runtimes(run: Path, bundle: Path) -> tuple[Any, dict[str, Callable[..., Any]]]:
    import tensorflow as tf

    import serving
    from benchmarks.finished_run import opened
    from keras_models.gan_signatures import Made

    made = Made(opened(run, "gan")[0])
    saved = tf.saved_model.load(str(bundle)).signatures["serving_default"]
    served = serving.load(bundle)

    def in_savedmodel(latent: Any, label: Any) -> Any:
        given = {"latent": latent, **({} if label is None else {"label": label})}
        return saved(**{name: tf.constant(v) for name, v in given.items()})["image"].numpy()

    def in_onnx(latent: Any, label: Any) -> Any:
        given = {"latent": latent, **({} if label is None else {"label": label})}
        return served.predict(**given)["image"]

    return made, {"SavedModel": in_savedmodel, "ONNX Runtime": in_onnx}


def _wishes(length: int, classes: int) -> Iterator[tuple[Any, Any]]:
    import numpy as np

    random = np.random.default_rng(0)
    for start in range(0, IMAGES, BATCH):
        latent = random.standard_normal((BATCH, length)).astype(np.float32)
        label = (np.arange(start, start + BATCH) % classes).astype(np.int32) if classes else None
        yield latent, label


if __name__ == "__main__":
    sys.exit(main())
