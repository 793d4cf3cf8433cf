"""A server in a process of its own, what it takes of the machine, and an asynchronous client."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.cores import core_seconds
from tests.serving.networks import half_plus, pixels, series, slow, sums
from tests.serving.written_bundles import write_bundle

ROOT = Path(__file__).parents[2]
MEBIBYTE = 2**20


def write_models(folder):
    """Writes a small model of every kind."""
    write_bundle(folder / "half_plus" / "1", half_plus(1))
    for build in (sums, pixels, series, slow):
        write_bundle(folder / build.__name__ / "1", build())


def publish(folder, version):
    """Publishes a version of `half_plus` that adds its own number, by renaming."""
    made = write_bundle(folder / ".staging" / "half_plus" / str(version), half_plus(version))
    made.rename(folder / "half_plus" / str(version))


class Live:
    """`keras-serve` on small models, as a context manager."""

    def __init__(self, *arguments):
        self._folder = tempfile.TemporaryDirectory(prefix="soak-")
        self.models = Path(self._folder.name) / "models"
        write_models(self.models)
        self._log = (Path(self._folder.name) / "log").open("w+b")
        flags = ["--rest-port", "0", "--grpc-port", "0", "--workers", "2", *arguments]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serving", self.models, *map(str, flags)],
            cwd=ROOT,
            stderr=self._log,
        )
        said = self._until_said("keras-serve: ready")
        ports = (re.search(rf"{kind} on \S+:(\d+)", said)[1] for kind in ("REST", "gRPC"))
        self.port, self.grpc_port = map(int, ports)

    def _until_said(self, words):
        while words not in (said := self.said()):
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{said}")
            time.sleep(0.05)
        return said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            for number in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        self.process.wait()
        self._log.close()
        self._folder.cleanup()

    def said(self):
        """Returns all that the server has written."""
        return Path(self._log.name).read_text(errors="replace")

    def stop(self):
        """Sends SIGTERM and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()

    def processes(self):
        """Returns the process numbers of the server and all below it, workers last."""
        found, wanted = [], [self.process.pid]
        while wanted:
            found += wanted
            wanted = [child for parent in wanted for child in _children(parent)]
        return found

    def workers(self):
        """Returns the processes that answer: the fork server's children."""
        own = _children(self.process.pid)
        return [number for parent in own for number in _children(parent)]

    def memory_bytes(self):
        """Returns the memory of all processes, shared pages divided among them."""
        return sum(_proportional_bytes(number) for number in self.processes())

    def worker_seconds(self):
        """Returns the time of a core that the workers have had."""
        return sum(map(core_seconds, self.workers()))

    def descriptors(self):
        """Returns how many files and sockets all processes hold open."""
        return sum(len(os.listdir(f"/proc/{number}/fd")) for number in self.processes())

    def threads(self):
        """Returns how many threads all processes have."""
        return sum(len(os.listdir(f"/proc/{number}/task")) for number in self.processes())

    async def connect(self):
        """Opens a connection."""
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))

    async def ask(self, method, path, body=b""):
        """Asks once, on a connection of its own; returns status and body."""
        client = await self.connect()
        try:
            return await client.ask(method, path, body)
        finally:
            client.close()

    async def metric(self, name):
        """Returns the sum of a metric's values, whatever their labels."""
        _, page = await self.ask("GET", "/monitoring/prometheus/metrics")
        found = re.findall(rf"^{re.escape(name)}\{{.*\}} (\S+)$", page.decode(), re.MULTILINE)
        return sum(map(float, found))


def _children(number):
    try:
        tasks = list(Path(f"/proc/{number}/task").iterdir())
        return [int(one) for task in tasks for one in (task / "children").read_text().split()]
    except OSError:  # it has just ended, as a trial does
        return []


def _proportional_bytes(number):
    try:
        rollup = Path(f"/proc/{number}/smaps_rollup").read_text()
    except OSError:
        return 0
    return 1024 * int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1])


class Client:
    """One connection, one request at a time."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def ask(self, method, path, body=b"", headers=""):
        """Returns status and body; raises OSError or EOFError where the connection ends."""
        self.send(method, path, body, headers)
        return await self.receive()

    def send(self, method, path, body=b"", headers=""):
        """Sends a request and does not wait."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        )
        self.writer.write(head.encode() + body)

    async def receive(self):
        """Reads one answer that says its length."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        return int(head.split(b" ", 2)[1]), body

    def close(self):
        self.writer.close()


def predict(inputs, **further):
    """Writes the body of a prediction by columns."""
    return json.dumps({"inputs": inputs, **further}).encode()


def quantile(values, share):
    """Returns the value below which a share of `values` lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
