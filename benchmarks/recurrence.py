"""Milliseconds of a training step of a character model: our layers, Keras' own, and PyTorch's.

    python -m benchmarks.recurrence                    Keras' own layers and ours
    python -m benchmarks.recurrence --torch PYTHON     PyTorch's too, from its own environment

One embedding of 64, one recurrent layer, logits over 65 characters, 128 steps of 64 rows, Adam.
Each contestant is a process of its own with as many threads; they take turns, a second each, and
medians are quoted. Ours is set up as `keras-train` sets it up: compiled with XLA, the heap kept
(`train/heap.py`). `of product` is the share of the rate at which TensorFlow multiplies two matrices
of 1024 × 1024, measured in the same turns.
"""

import argparse
import statistics
import sys

from benchmarks.contestant import Contestant, ratio, take_turns
from benchmarks.recurrence_contestant import BATCH, EMBEDDING, STEPS, VOCABULARY

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
SCRIPT = "recurrence_contestant.py"


def main() -> int:
    """Measures and prints a table for each cell and precision."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--cells", nargs="+", default=list(GATES), choices=GATES)
    parser.add_argument("--units", type=int, default=256, help="width of the layer (256)")
    parser.add_argument("--threads", type=int, default=2, help="of each contestant (2)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (7)")
    parser.add_argument("--bfloat16", action="store_true", help="measure mixed_bfloat16 too")
    options = parser.parse_args()
    for cell in options.cells:
        for precision in ["float32", *(["bfloat16"] if options.bfloat16 else [])]:
            _compare(cell, precision, options)
    return 0


def _compare(cell: str, precision: str, options: argparse.Namespace) -> None:
    kinds = {"product": "product", "ours": "ours", "Keras": "keras"}
    if options.torch:
        kinds["PyTorch"] = "torch"
    contestants = {
        name: Contestant(
            options.torch if kind == "torch" else sys.executable,
            SCRIPT,
            *(kind, cell, str(options.units), precision, str(options.threads)),
            threads=options.threads,
        )
        for name, kind in kinds.items()
    }
    times = take_turns(contestants, options.rounds)
    _print(cell, precision, options.units, times)


def _print(cell: str, precision: str, units: int, times: dict[str, list[float]]) -> None:
    product = 2 * 1024**3 / (statistics.median(times.pop("product")) / 1000)
    weights = GATES[cell] * units * (EMBEDDING + units) + units * VOCABULARY
    operations = 6 * STEPS * BATCH * weights
    print(
        f"\n{cell} {precision}, 1 × {units}: {operations / 1e9:.1f} GFLOP a step, "
        f"matrix product {product / 1e9:.0f} GFLOP/s"
    )
    for name, values in times.items():
        median = statistics.median(values)
        print(
            f"{name:10} {median:8.1f} ms   {ratio(values, times['ours']):5.2f} times ours   "
            f"{operations / (median / 1000) / product:4.0%} of product",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
