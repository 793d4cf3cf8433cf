"""How long it takes, and how much memory, to refuse a `.keras` file made to harm.

    python -m benchmarks.refusals

The files are those of `tests/export/test_malicious_files.py`, looked at one after the other in one
process; what importing Python's and our own modules takes is not counted.
"""

import tempfile
from pathlib import Path

from tests.export.test_malicious_files import NAMES, examined


def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as folder:
        found = examined(Path(folder))
    slowest = max(NAMES, key=lambda name: found[name]["seconds"])
    largest = max(NAMES, key=lambda name: found[name]["peak"])
    refused = sum(bool(found[name]["reason"]) for name in NAMES)
    touched = sum(bool(found[name]["elsewhere"]) for name in NAMES)
    print(f"{refused} of {len(NAMES)} files are refused; {touched} touch anything else.")
    print(f"slowest: {found[slowest]['seconds']:.3f} s ({slowest}); at most 1 s is wanted")
    print(f"largest: {found[largest]['peak'] / 2**20:.1f} MB ({largest}); at most 64 MB is wanted")


if __name__ == "__main__":
    main()
