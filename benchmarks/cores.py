"""Time of a core that a process has had, with all that were started by it."""

import os
from pathlib import Path


def core_seconds(process: int) -> float:
    """Returns the seconds of a process and of all that live below it; it is given by its number."""
    found, wanted = 0.0, [process]
    while wanted:
        number = wanted.pop()
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            for task in Path(f"/proc/{number}/task").iterdir():
                wanted += map(int, (task / "children").read_text().split())
        except OSError:  # it has just ended
            continue
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found
