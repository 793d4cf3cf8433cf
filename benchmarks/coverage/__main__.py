"""`make coverage`: every case, exported by Keras and by us; prints the table.

python -m benchmarks.coverage                      all of it: about an hour on two idle cores
python -m benchmarks.coverage --only recurrent     the cases with this in group/name
python -m benchmarks.coverage --results R.jsonl    keeps every figure there, and goes on from it
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.coverage import table

TOGETHER = 12
"""Cases that one process does; more, and its memory grows."""


def main() -> int:
    """Runs the cases in processes of their own, and prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coverage",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--only", default="", help="a regular expression for group/name")
    parser.add_argument("--sides", default="keras,ours")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, help="keep the figures here, and go on from them")
    parser.add_argument("--list", action="store_true", help="the cases' names, and nothing else")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.coverage.cases import CASES

    chosen = [n for n, c in enumerate(CASES) if re.search(options.only, f"{c.group}/{c.name}")]
    if options.list:
        print("\n".join(f"{n:4} {CASES[n].group}/{CASES[n].name}" for n in chosen))
        return 0
    with tempfile.TemporaryDirectory() as place:
        results = options.results or Path(place) / "results.jsonl"
        _run_all(results, chosen, options.sides, options.jobs)
        found = [one for n, one in sorted(_read(results).items()) if n in chosen]
    print(table.table(found))
    return 0 if all(table.is_well(one) for one in found) else 1


def _run_all(results: Path, chosen: Sequence[int], sides: str, jobs: int) -> None:
    done = _read(results)
    left = [n for n in chosen if n not in done]
    groups = [left[i : i + TOGETHER] for i in range(0, len(left), TOGETHER)]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda group: _run(results, group, sides), groups))


def _read(results: Path) -> dict[int, dict[str, Any]]:
    if not results.exists():
        return {}
    found = [json.loads(line) for line in results.read_text().splitlines()]
    return {one["number"]: one for one in found}


def _run(results: Path, group: list[int], sides: str) -> None:
    """Runs some cases, and those after one that ended the process in a new one."""
    shown = None if os.environ.get("COVERAGE_TRACE") else subprocess.DEVNULL
    while group:
        command = [sys.executable, "-m", "benchmarks.coverage.contest", str(results)]
        subprocess.run(
            [*command, *map(str, group)],
            check=False,
            env={**os.environ, "COVERAGE_SIDES": sides},
            stderr=shown,
            stdout=shown,
        )
        done = _read(results)
        group = [n for n in group if n not in done]
        if group:
            lost = {"number": group[0], "group": "?", "name": str(group[0])}
            with results.open("a") as file:
                file.write(json.dumps({**lost, "unable": "the process died"}) + "\n")
            group = group[1:]


if __name__ == "__main__":
    sys.exit(main())
