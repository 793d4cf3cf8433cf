"""A process that works for a second whenever it is told to, so that several can take turns.

Machines are noisy: what is compared is measured alternately, and a ratio is taken in each turn.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


class Contestant:
    """The other side of `answer`."""

    def __init__(self, python: str, script: str, *words: str, threads: int) -> None:
        """Starts `benchmarks/<script>`; returns when its first call is done.

        Args:
            python: the interpreter.
            script: a file in this folder.
            words: its arguments.
            threads: what OpenMP may use.
        """
        self._process = subprocess.Popen(
            [python, str(ROOT / "benchmarks" / script), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)},
        )
        self.milliseconds()

    def milliseconds(self) -> float:
        """Has it work for about a second; returns how long one call took."""
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
        self._process.communicate()


def answer(call: Callable[[], object], *, results: int = 1) -> None:
    """Waits for lines, and answers each with the milliseconds of one of the results of a call."""
    for _ in sys.stdin:
        calls, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < 1 or not calls:
            call()
            calls += 1
        print(json.dumps(1000 * elapsed / calls / results), flush=True)


def prepare(precision: str, threads: int, *, keeps_heap: bool = True) -> None:
    """Sets Keras and TensorFlow up for a contestant that trains, before it imports either.

    Args:
        precision: float32 or bfloat16, of which the weights stay float32.
        threads: within an operation, and of operations beside each other.
        keeps_heap: as `keras-train` does (`train/heap.py`).
    """
    from keras_models import backend
    from train import heap

    if keeps_heap:
        heap.keep()
    backend.prepare()
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else precision)


def take_turns(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """Returns the milliseconds of each in every round, and ends them."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    try:
        for _ in range(rounds):
            for name, contestant in contestants.items():
                times[name].append(contestant.milliseconds())
    finally:
        for contestant in contestants.values():
            contestant.end()
    return times


def ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """Returns the median over rounds of one time through the other in the same round."""
    return statistics.median(one / other for one, other in zip(times, others, strict=True))
