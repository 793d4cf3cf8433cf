"""`make bench`: every figure that needs only a demo's run and bundle."""

import subprocess
import sys
from pathlib import Path

RUN, MODEL = Path("runs/digits"), Path("models/digits")


def main() -> int:
    """Runs the benchmarks on what `make demo` left."""
    from serving.model import find_version

    if not RUN.exists() or not MODEL.exists():
        print("runs/digits and models/digits are not here: make demo makes them", file=sys.stderr)
        return 2
    bundle = find_version(MODEL)
    for name, arguments in {
        "prediction": [RUN, bundle],
        "first_answer": [bundle],
        "agreement": [RUN, bundle],
    }.items():
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
        subprocess.run(command, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
