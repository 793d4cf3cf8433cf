"""Requests of one row a second, and their latency: this server beside others.

    python -m benchmarks.server --triton PYTHON --litserve PYTHON
    python -m benchmarks.server models/digits/1 --seconds 5

Without a bundle the network is 784 → 128 → 10, made and exported for it. Others are compared on
that one: PYTHON is the interpreter of a virtual environment with the package (nvidia-pytriton,
litserve, mlserver, bentoml, kserve, ray[serve]) and onnxruntime. Servers take turns, round after
round; what is printed is the median of the rounds.

The last column is what a request takes of a core in this server's processes: it says what load on
other cores would leave to be had.

With four cores and more the servers have two of them and the load has others (`--server-cores`,
`--load-cores`); with fewer they share, and the figures are of both together.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.cores import core_seconds
from benchmarks.http2 import GRPC
from benchmarks.load import REST, Connect, Measured, measure
from benchmarks.servers.contestants import CONTESTANTS, started
from serving import bundle, bundle_json, golden, integrity, load
from serving.wire import inference_tensor, tensor_proto
from serving.wire.messages import message, serving

CONNECTIONS = (1, 16, 64)
PREDICT = "/tensorflow.serving.PredictionService/Predict"
INFER = "/inference.GRPCInferenceService/ModelInfer"
ROWS_TOGETHER = (64, 256)
WARM_UP_SECONDS = 0.5
FIRST_PORT = 29500

Arrays = dict[str, np.ndarray]
Results = dict[tuple[str, int], list[Measured]]


def main() -> int:
    """Prints tables."""
    options = parser().parse_args()
    os.sched_setaffinity(0, options.load_cores)
    with tempfile.TemporaryDirectory() as made:
        models = Path(made) / "models"
        if options.bundle is None:
            network(models)
        else:
            shutil.copytree(options.bundle, models / "model" / "1")
        own = models / "model" / "1"
        row = example(own)
        print_bare(own, row, options.seconds)
        results: Results = defaultdict(list)
        for _ in range(options.rounds):
            with ours(models, options) as (process, rest, grpc_port):
                for name, (port, connect) in own_calls(rest, grpc_port, row).items():
                    take_turn(results, name, port, connect, options.seconds, process)
            for name in CONTESTANTS if options.bundle is None else ():
                if python := getattr(options, name):
                    measure_contestant(results, name, python, own, row, options)
        print_table(results)
    return 0


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the flags."""
    cores = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", nargs="?", type=Path, help="a published version")
    parser.add_argument("--workers", type=int, default=2, help="of each server (2)")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement (3)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--server-cores", type=numbers, default=cores[:2])
    parser.add_argument(
        "--load-cores", type=numbers, default=cores[2:] if len(cores) > 3 else cores
    )
    for name in CONTESTANTS:
        parser.add_argument(f"--{name}", metavar="PYTHON", help="that can import it")
    return parser


def numbers(text: str) -> list[int]:
    """Reads `0,1`."""
    return [int(part) for part in text.split(",")]


def network(models: Path) -> None:
    """Makes and exports 784 → 128 → 10, relu and softmax, as `<models>/model/1`."""
    code = (
        "import keras; from keras import layers; keras.utils.set_random_seed(0)\n"
        "keras.Sequential([keras.Input((784,), name='x'), layers.Dense(128, 'relu'), "
        f"layers.Dense(10, 'softmax', name='y')]).save({str(models.parent / 'network.keras')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    command = [sys.executable, "-m", "export", str(models.parent / "network.keras")]
    command += ["--to", str(models), "--name", "model"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def example(folder: Path) -> Arrays:
    """Returns one row of the bundle's golden inputs."""
    content = integrity.read_checked(folder, bundle_json.read(folder), bundle.REFERENCE)
    cases = golden.from_bytes(content)
    case = next(c for c in cases if c.signature == "serving_default" and c.name.startswith("real"))
    return {name: array[:1] for name, array in case.inputs.items()}


def print_bare(folder: Path, row: Arrays, seconds: float) -> None:
    """Prints what the session itself does on one thread."""
    session = load(folder).session("serving_default")
    for rows in (1, *ROWS_TOGETHER):
        inputs = {name: np.repeat(array, rows, axis=0) for name, array in row.items()}
        session.compute(inputs)
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            session.compute(inputs)
            count += 1
        each = (time.perf_counter() - began) / count
        print(f"bare session, {rows:3} rows: {rows / each:10,.0f} rows/s, {1000 * each:.3f} ms")


@contextlib.contextmanager
def ours(models: Path, options: argparse.Namespace) -> Iterator[tuple[int, int, int]]:
    """Runs this server; yields the number of its process, and its ports."""
    command = [sys.executable, "-m", "serving", str(models), "--workers", str(options.workers)]
    command += ["--rest-port", "0", "--grpc-port", "0", "--poll", "0"]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, options.server_cores),
    ) as process:
        try:
            yield process.pid, *ports(process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()


def ports(process: subprocess.Popen) -> tuple[int, int]:
    """Waits until the server is ready."""
    said = ""
    while "keras-serve: ready" not in said:
        line = process.stderr.readline()
        if not line:
            raise RuntimeError(f"the server ended:\n{said}")
        said += line
    found = [re.search(rf"{kind} on \S+:(\d+)", said) for kind in ("REST", "gRPC")]
    return int(found[0][1]), int(found[1][1])


def own_calls(rest: int, grpc_port: int, row: Arrays) -> dict[str, tuple[int, Connect]]:
    """Returns how this server is asked, by what is printed."""
    columns = {name: array.tolist() for name, array in row.items()}
    body = json.dumps({"inputs": columns}).encode()
    calls = {
        "ours, REST, JSON": (rest, lambda load: REST(load, "/v1/models/model:predict", body)),
        "ours, gRPC Predict": (grpc_port, caller(PREDICT, predict_request(row, 1))),
        "ours, gRPC ModelInfer": (grpc_port, caller(INFER, infer_request(row))),
    }
    for rows in ROWS_TOGETHER:
        request = predict_request(row, rows)
        calls[f"ours, gRPC, {rows} rows"] = (grpc_port, caller(PREDICT, request))
    return calls


def caller(path: str, content: bytes) -> Connect:
    """Returns what connects and calls a method."""
    return lambda load: GRPC(load, path, content)


def predict_request(row: Arrays, rows: int) -> bytes:
    """A PredictRequest with `tensor_content`."""
    request = serving("PredictRequest")()
    request.model_spec.name = "model"
    for name, array in row.items():
        tensor_proto.to_proto(array[:0], request.inputs[name])
        request.inputs[name].tensor_shape.dim[0].size = rows
        request.inputs[name].tensor_content = np.repeat(array, rows, axis=0).tobytes()
    content: bytes = request.SerializeToString()
    return content


def infer_request(row: Arrays) -> bytes:
    """A ModelInferRequest with raw bytes."""
    request = message("inference.ModelInferRequest")(model_name="model")
    for name, array in row.items():
        datatype = inference_tensor.datatype_of(name, array).open_inference
        request.inputs.add(name=name, datatype=datatype, shape=array.shape)
        request.raw_input_contents.append(array.tobytes())
    content: bytes = request.SerializeToString()
    return content


def measure_contestant(
    results: Results,
    name: str,
    python: str,
    folder: Path,
    row: Arrays,
    options: argparse.Namespace,
) -> None:
    """Starts another server and asks it."""
    contestant, graph = CONTESTANTS[name], folder / "onnx" / "serving_default.onnx"
    body = json.dumps(contestant.body(row["x"][0])).encode()
    port = FIRST_PORT + 10 * list(CONTESTANTS).index(name)
    with started(name, python, graph, port, options.workers, options.server_cores):
        connect: Connect = lambda load: REST(load, contestant.path, body)  # noqa: E731
        take_turn(results, f"{name}, REST, JSON", port, connect, options.seconds)
        if contestant.has_grpc:
            call = caller(INFER, infer_request(row))
            take_turn(results, f"{name}, gRPC ModelInfer", port + 1, call, options.seconds)


def take_turn(
    results: Results,
    name: str,
    port: int,
    connect: Connect,
    seconds: float,
    process: int | None = None,
) -> None:
    """Measures a server at every number of connections; of a known process its cores too."""
    for connections in CONNECTIONS:
        measure(port, connect, connections, WARM_UP_SECONDS)
        before = core_seconds(process) if process else 0.0
        measured = measure(port, connect, connections, seconds)
        if process:
            answered = measured.rate * seconds + measured.refused
            measured.core_ms = 1000 * (core_seconds(process) - before) / answered
        results[name, connections].append(measured)


def print_table(results: Results) -> None:
    """Prints the median of the rounds."""
    print(
        f"\n{'':24} {'connections':>11} {'requests/s':>11} {'p50 ms':>8} {'p99 ms':>8} refused"
        f" {'core ms':>8}"
    )
    for (name, connections), rounds in results.items():
        rate, p50, p99, refused, core_ms = (
            statistics.median(getattr(one, field) for one in rounds)
            for field in ("rate", "p50", "p99", "refused", "core_ms")
        )
        print(
            f"{name:24} {connections:11} {rate:11,.0f} {p50:8.2f} {p99:8.2f} {refused:7.0f}"
            f" {core_ms:8.3f}"
        )


if __name__ == "__main__":
    sys.exit(main())
