"""`make coverage`: every case, exported by Keras and by us; prints the table, and writes it.

python -m benchmarks.coverage                      all of it: about an hour on two cores
python -m benchmarks.coverage --only LSTM          the cases with this word in their names
python -m benchmarks.coverage --list
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

TOGETHER = 12
"""Cases that one process does; more, and its memory grows."""


def main() -> int:
    """Runs the cases in processes of their own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="a regular expression for group/name")
    parser.add_argument("--sides", default="keras,ours")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, help="keep the figures here, and go on from them")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.coverage.cases import CASES

    chosen = [n for n, c in enumerate(CASES) if re.search(options.only, f"{c.group}/{c.name}")]
    if options.list:
        print("\n".join(f"{n:4} {CASES[n].group}/{CASES[n].name}" for n in chosen))
        return 0
    with tempfile.TemporaryDirectory() as place:
        results = options.results or Path(place) / "results.jsonl"
        done = _read(results)
        left = [n for n in chosen if n not in done]
        groups = [left[i : i + TOGETHER] for i in range(0, len(left), TOGETHER)]
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda group: _run(results, group, options.sides), groups))
        found = [one for n, one in sorted(_read(results).items()) if n in chosen]
    for one in found:
        _print(one)
    return 0


def _read(results: Path) -> dict[int, dict[str, Any]]:
    if not results.exists():
        return {}
    found = [json.loads(line) for line in results.read_text().splitlines()]
    return {one["number"]: one for one in found}


def _run(results: Path, group: list[int], sides: str) -> None:
    """Runs some cases, and those after one that ended the process in a new one."""
    while group:
        command = [sys.executable, "-m", "benchmarks.coverage.contest", str(results)]
        subprocess.run(
            [*command, *map(str, group)],
            check=False,
            env={**os.environ, "COVERAGE_SIDES": sides},
            stderr=None if os.environ.get("COVERAGE_TRACE") else subprocess.DEVNULL,
            stdout=None if os.environ.get("COVERAGE_TRACE") else subprocess.DEVNULL,
        )
        done = _read(results)
        left = [n for n in group if n not in done]
        if left:
            with results.open("a") as file:
                file.write(
                    json.dumps(
                        {
                            "number": left[0],
                            "group": "?",
                            "name": str(left[0]),
                            "unable": "the process died",
                        }
                    )
                    + "\n"
                )
            left = left[1:]
        group = left


def _print(one: dict[str, Any]) -> None:
    line = f"{one.get('number'):4} {one['group'] + '/' + one['name']:55}"
    if "unable" in one:
        print(f"{line} UNABLE {one['unable'][:200]}")
        return
    for side in ("keras", "ours"):
        if side in one:
            r = one[side]
            extra = (
                f"{r.get('error', 0):.0e} L{r.get('loops')} T{r.get('transposes')} N{r.get('nodes')} {r.get('milliseconds', 0):.3f}ms {r.get('seconds', 0):.1f}s"
                if "loops" in r
                else ""
            )
            line += f" | {side} {r['outcome']:8} {extra} {(r.get('why') or '')[:150]}"
    print(line + ("" if one["spread"] > 1e-3 else f"  FLAT {one['spread']:.1e}"))


if __name__ == "__main__":
    sys.exit(main())
