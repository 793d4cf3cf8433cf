"""What a server costs before it is asked anything: time to start, memory, installed size.

    python -m benchmarks.server_footprint models
    python -m benchmarks.server_footprint models --installed

`models` is a folder with three of them, such as `make demo` leaves. The server's own byte code is
made first, as pip makes it. `--installed` also installs the base requirements into a folder of
their own, by pip, and adds up the files.
"""

import argparse
import compileall
import importlib.metadata
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
MEBIBYTE = 2**20


def main() -> int:
    """Prints a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, help="a folder with a sub-folder for each model")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--installed", action="store_true", help="measure an installation too")
    options = parser.parse_args()
    compileall.compile_dir(ROOT / "serving", quiet=1)
    found = [measured(options.models, options.workers) for _ in range(options.times)]
    seconds, said = [one[0] for one in found], found[-1][2]
    print(f"ready to answer after {statistics.median(seconds):.2f} s (median of {seconds}): {said}")
    for name, own, shared in found[-1][1]:
        print(f"{name:8} {own:6.1f} MiB of its own, {shared:6.1f} MiB with its share of the rest")
    if options.installed:
        print(f"base install: {installed_bytes() / MEBIBYTE:.0f} MiB")
    return 0


def measured(models: Path, workers: int) -> tuple[float, list[tuple[str, float, float]], str]:
    """Starts a server; returns seconds until it is ready, memory of its processes, its word."""
    command = [sys.executable, "-m", "serving", str(models), "--workers", str(workers)]
    command += ["--rest-port", "0", "--grpc-port", "0"]
    began = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr:
                if "keras-serve: ready" in line:
                    break
            seconds = time.perf_counter() - began
            memory = [memory_of(number) for number in [process.pid, *below(process.pid)]]
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
    return round(seconds, 3), memory, line.strip()


def below(process: int) -> list[int]:
    """Returns the numbers of all processes that a process has started."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *below(child)]
    return found


def memory_of(process: int) -> tuple[str, float, float]:
    """Returns a process' part, and MiB that are its own, and its own with its share of the rest."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    sizes = {name: int(size) / 1024 for name, size in re.findall(r"(\w+): +(\d+) kB", text)}
    own = sizes["Private_Clean"] + sizes["Private_Dirty"]
    return "others" if below(process) else "a worker", own, sizes["Pss"]


def installed_bytes() -> int:
    """Installs what the base install needs, and adds up the files."""
    requirements = importlib.metadata.requires("keras-models") or []
    wanted = [text for text in requirements if "extra ==" not in text]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, *wanted]
        subprocess.run([*command, "--constraint", str(ROOT / "constraints.txt")], check=True)
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
