"""One contestant of `benchmarks.adversary`: trains for a second whenever a line comes in.

python adversary_contestant.py KIND DESCRIBED PRECISION THREADS
"""

import json
import sys
from collections.abc import Callable

from benchmarks.contestant import answer, prepare

STEPS = 4
"""Of a call: one with the penalty, three without."""


def main(kind: str, described: str, precision: str, threads: str) -> None:
    """Answers each line with the milliseconds of a step."""
    make = _ours if kind == "ours" else _torch
    step = make(kind, json.loads(described), precision, int(threads))
    answer(lambda: [step() for _ in range(STEPS)], results=STEPS)


def _ours(kind: str, described: dict, precision: str, threads: int) -> Callable[[], None]:
    prepare(precision, threads)
    import tensorflow as tf

    from keras_models.data_spec import ImageSpec
    from keras_models.gan import PRESETS, build

    spec = ImageSpec(height=28, width=28, channels=1, classes=tuple("0123456789"))
    preset = PRESETS[described["preset"]]
    model = build(preset.model, preset.training, spec, 1000)
    count = preset.training.batch_size
    images = tf.cast(tf.random.uniform([count, 28, 28, 1], 0, 256, tf.int32, seed=0), tf.uint8)
    labels = tf.range(count, dtype=tf.int64) % 10
    batches = iter(tf.data.Dataset.from_tensors((images, labels)).cache().repeat())
    model.make_train_function()
    return lambda: model.train_function(batches)["generator_loss"].numpy()


def _torch(kind: str, described: dict, precision: str, threads: int) -> Callable[[], None]:
    import torch

    from benchmarks.adversary_in_torch import Game

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    game = Game(described, is_bfloat16=precision == "bfloat16")
    count = described["training"]["batch_size"]
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
    labels = torch.arange(count) % 10
    step = {"two_passes": game.two_passes, "one_pass": game.one_pass}[kind]
    return lambda: step(images, labels)


if __name__ == "__main__":
    main(*sys.argv[1:])
