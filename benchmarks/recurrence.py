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
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EMBEDDING, VOCABULARY, STEPS, BATCH = 64, 65, 128, 64
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
CONTESTANT = Path(__file__).with_name("recurrence_contestant.py")


class Contestant:
    """A process that trains when it is told to."""

    def __init__(self, python: str, *words: str, threads: int) -> None:
        """Starts it; it answers when its first step is done."""
        self._process = subprocess.Popen(
            [python, str(CONTESTANT), *words, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(CONTESTANT.parent.parent),
                "OMP_NUM_THREADS": str(threads),
            },
        )
        self.measure()

    def measure(self) -> float:
        """Has it train for about a second; returns milliseconds of a step."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the contestant has no pipes")
        stdin.write("go\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise SystemExit(f"a contestant ended: {' '.join(map(str, self._process.args))}")
        return float(json.loads(line))

    def end(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


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


def _compare(cell: str, precision: str, options: Any) -> None:
    contestants = dict(_contestants(cell, precision, options))
    times: dict[str, list[float]] = {name: [] for name in contestants}
    try:
        for _ in range(options.rounds):
            for name, contestant in contestants.items():
                times[name].append(contestant.measure())
    finally:
        for contestant in contestants.values():
            contestant.end()
    _print(cell, precision, options.units, times)


def _contestants(cell: str, precision: str, options: Any) -> Iterator[tuple[str, Contestant]]:
    def started(python: str, kind: str) -> Contestant:
        return Contestant(
            python, kind, cell, str(options.units), precision, threads=options.threads
        )

    yield "product", started(sys.executable, "product")
    yield "ours", started(sys.executable, "ours")
    yield "Keras", started(sys.executable, "keras")
    if options.torch:
        yield "PyTorch", started(options.torch, "torch")


def _print(cell: str, precision: str, units: int, times: dict[str, list[float]]) -> None:
    rate = statistics.median(2 * 1024**3 / (ms / 1000) for ms in times["product"])
    operations = (
        6 * STEPS * BATCH * (GATES[cell] * units * (EMBEDDING + units) + units * VOCABULARY)
    )
    print(
        f"\n{cell} {precision}, 1 × {units}: {operations / 1e9:.1f} GFLOP a step, "
        f"matrix product {rate / 1e9:.0f} GFLOP/s"
    )
    for name, values in times.items():
        if name == "product":
            continue
        ratio = statistics.median(
            other / own for other, own in zip(values, times["ours"], strict=True)
        )
        share = operations / (statistics.median(values) / 1000) / rate
        print(
            f"{name:10} {statistics.median(values):8.1f} ms   {ratio:5.2f} times ours   "
            f"{share:4.0%} of product",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
