"""Milliseconds of a training step of a GAN on MNIST-sized images: ours and PyTorch's.

    python -m benchmarks.adversary --torch PYTHON               both presets, float32
    python -m benchmarks.adversary --torch PYTHON --bfloat16    in bfloat16 too

The same networks (as many weights, or the contestant refuses), losses, penalties, optimizers and
averaged weights, 64 images a step, channels last. PyTorch takes part twice: as its own tutorials
train, each network in its turn by a pass of its own through the discriminator; and by our way of
one pass for both (`keras_models/gan_model.py`), which tells what the way is worth and what the
framework. Each contestant is a process of its own with as many threads; they take turns, a second
each, and medians are quoted.
"""

import argparse
import dataclasses
import json
import statistics
import sys

from benchmarks.contestant import Contestant, ratio, take_turns

PRESETS = ("mnist", "dcgan")
SIDE, CLASSES = 28, 10
KINDS = {"ours": "ours", "PyTorch": "two_passes", "PyTorch, our way": "one_pass"}


def main() -> int:
    """Measures and prints a table for each preset and precision."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--presets", nargs="+", default=PRESETS, choices=PRESETS)
    parser.add_argument("--threads", type=int, default=2, help="of each contestant (2)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (7)")
    parser.add_argument("--bfloat16", action="store_true", help="measure mixed_bfloat16 too")
    options = parser.parse_args()
    for preset in options.presets:
        described = json.dumps(_described(preset))
        for precision in ["float32", *(["bfloat16"] if options.bfloat16 else [])]:
            contestants = {
                name: _contestant(kind, described, precision, options)
                for name, kind in KINDS.items()
                if kind == "ours" or options.torch
            }
            _print(preset, precision, take_turns(contestants, options.rounds))
    return 0


def _described(preset: str) -> dict:
    """A preset for interpreters that do not have the project: settings, and weights to expect."""
    from keras_models import backend

    backend.prepare()
    from keras_models.data_spec import ImageSpec
    from keras_models.gan import PRESETS
    from keras_models.gan_networks import discriminator, generator

    chosen = PRESETS[preset]
    spec = ImageSpec(height=SIDE, width=SIDE, channels=1, classes=tuple("0123456789"))
    networks = (generator(chosen.model, spec), discriminator(chosen.model, spec))
    return {
        "preset": preset,
        "model": dataclasses.asdict(chosen.model),
        "training": dataclasses.asdict(chosen.training),
        "trainable": [
            sum(int(w.shape.num_elements()) for w in one.trainable_variables) for one in networks
        ],
    }


def _contestant(
    kind: str, described: str, precision: str, options: argparse.Namespace
) -> Contestant:
    return Contestant(
        sys.executable if kind == "ours" else options.torch,
        "adversary_contestant.py",
        *(kind, described, precision, str(options.threads)),
        threads=options.threads,
    )


def _print(preset: str, precision: str, times: dict[str, list[float]]) -> None:
    print(f"\n{preset}, {precision}")
    for name, values in times.items():
        print(
            f"{name:20} {statistics.median(values):8.1f} ms a step   "
            f"{ratio(values, times['ours']):5.2f} times ours",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
