"""How the server's contestants are started, and asked for one row."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120.0
END_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A server that is not ours.

    Attributes:
        path: what is asked by POST.
        body: the JSON for a row, float32 [784].
        has_grpc: it speaks the Open Inference Protocol on the port after its own.
    """

    path: str
    body: Callable[[np.ndarray], object]
    has_grpc: bool = False


def _tensor(row: np.ndarray) -> object:
    tensor = {"name": "x", "shape": [1, len(row)], "datatype": "FP32", "data": row.tolist()}
    return {"inputs": [tensor]}


def _named(row: np.ndarray) -> object:
    return {"input": row.tolist()}


CONTESTANTS = {
    "triton": Contestant(path="/v2/models/model/infer", body=_tensor, has_grpc=True),
    "litserve": Contestant(path="/predict", body=_named),
    "mlserver": Contestant(path="/v2/models/model/infer", body=_tensor),
    "bentoml": Contestant(path="/predict", body=lambda row: {"rows": [row.tolist()]}),
    "kserve": Contestant(
        path="/v1/models/model:predict", body=lambda row: {"instances": [row.tolist()]}
    ),
    "ray": Contestant(path="/predict", body=_named),
}
"""By the name of the script in this folder."""


@contextlib.contextmanager
def started(
    name: str, python: str, network: Path, port: int, workers: int, cores: Sequence[int]
) -> Iterator[None]:
    """Runs a contestant; yields once it answers.

    Args:
        name: of `CONTESTANTS`.
        python: the interpreter of a virtual environment that has it, and onnxruntime.
        network: the ONNX file.
        port: a free one, with two free ones behind it.
        workers: processes that compute.
        cores: that it may use.
    """
    command = [python, "-m", f"benchmarks.servers.{name}", str(network), str(port), str(workers)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    try:
        row = np.zeros(784, np.float32)
        _await(process, port, CONTESTANTS[name], json.dumps(CONTESTANTS[name].body(row)))
        yield
    finally:
        _end(process)


def _await(process: subprocess.Popen, port: int, contestant: Contestant, body: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("POST", contestant.path, body, {"Content-Type": "application/json"})
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"{' '.join(map(str, process.args))} does not answer")


def _end(process: subprocess.Popen) -> None:
    """Ends it with all that it started."""
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
