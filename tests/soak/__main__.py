"""Hours of trials against a live server; what is done is remembered, and gone on with.

    make soak                                       # all of it; Ctrl-C and again goes on
    python -m tests.soak --only S7,S8               # some
    python -m tests.soak --rounds 1                 # one round of each: a look

A round that has ended is a line in soak.jsonl. The table at the end is of all lines there; the exit
code is 1 where a promise was broken.
"""

import argparse
import asyncio
import dataclasses
import json
import sys
import time
import traceback
from pathlib import Path

from tests.soak import (
    bodies,
    cancels,
    fuzz,
    labels,
    lifecycle,
    malicious,
    memory,
    overload,
    slow_calls,
    slow_clients,
    swaps,
)
from tests.soak.trial import Outcome

TRIALS = [
    *fuzz.TRIALS,
    *bodies.TRIALS,
    *slow_clients.TRIALS,
    *slow_calls.TRIALS,
    *overload.TRIALS,
    *memory.TRIALS,
    *swaps.TRIALS,
    *labels.TRIALS,
    *lifecycle.TRIALS,
    *cancels.TRIALS,
    *malicious.TRIALS,
]


def main():
    """Does what is left and prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--only", help="some trials: S7,S8")
    parser.add_argument("--rounds", type=int, default=10**9, help="of each, at most (all)")
    parser.add_argument("--state", type=Path, default=Path("soak.jsonl"), help="(soak.jsonl)")
    options = parser.parse_args()
    chosen = set(options.only.split(",")) if options.only else {trial.name for trial in TRIALS}
    if unknown := chosen - {trial.name for trial in TRIALS}:
        parser.error(
            f"there is no trial {', '.join(unknown)}: there are "
            f"{', '.join(trial.name for trial in TRIALS)}"
        )
    trials = [trial for trial in TRIALS if trial.name in chosen]
    found = remembered(options.state)
    with options.state.open("a") as state:
        for number in range(max(trial.rounds for trial in trials)):
            for trial in trials:
                wanted = number < min(trial.rounds, options.rounds)
                if wanted and (trial.name, number) not in found:
                    outcome = run(trial, number)
                    line = {"trial": trial.name, "round": number, **dataclasses.asdict(outcome)}
                    state.write(json.dumps(line) + "\n")
                    state.flush()
                    found[trial.name, number] = outcome
    return table(trials, found)


def run(trial, number):
    """Does one round, and tells of it on stderr."""
    began = time.monotonic()
    try:
        outcome = asyncio.run(trial.run(number))
    except Exception as error:  # such as a connection that was reset: a promise that was not kept
        traceback.print_exc()
        outcome = Outcome(done=0, faults=[f"round {number} ended with {error!r}"])
    seconds = time.monotonic() - began
    sys.stderr.write(
        f"{trial.name} round {number + 1} of {trial.rounds}: {seconds:.0f} s, "
        f"{told(outcome.figures)}{''.join(f' ! {one}' for one in outcome.faults[:3])}\n"
    )
    return outcome


def remembered(path):
    """Reads what was done before, by trial and round."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        (line["trial"], line["round"]): Outcome(
            done=line["done"], faults=line["faults"], figures=line["figures"]
        )
        for line in lines
    }


def table(trials, found):
    """Prints a line for each trial; returns the exit code."""
    broken = 0
    print("| trial | done | promise | worst seen | kept |\n|---|---|---|---|---|")
    for trial in trials:
        outcomes = [one for (name, _), one in found.items() if name == trial.name]
        if not outcomes:
            continue
        faults = [fault for outcome in outcomes for fault in outcome.faults]
        worst = {
            name: max(outcome.figures[name] for outcome in outcomes if name in outcome.figures)
            for name in {name for outcome in outcomes for name in outcome.figures}
        }
        done = sum(outcome.done for outcome in outcomes)
        kept = "yes" if not faults else f"NO: {len(faults)}, the first: {faults[0]}"
        print(
            f"| {trial.name} | {done:,} {trial.what} | {trial.promise} | {told(worst)} | {kept} |"
        )
        broken += bool(faults)
    return 1 if broken else 0


def told(figures):
    return ", ".join(f"{name} {value:,.4g}" for name, value in sorted(figures.items()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped: the same command goes on\n")
        sys.exit(130)
