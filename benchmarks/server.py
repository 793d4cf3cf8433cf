"""Requests of one row a second, and their latency: REST and gRPC beside the bare session.

    python -m benchmarks.server models/digits/1
    python -m benchmarks.server models/digits/1 --workers 2 --seconds 5

The server and the clients are processes of this machine and share its cores, so the figures are of
both together; what the bare ONNX Runtime session does on one thread stands beside them.
"""

import argparse
import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import uvloop

from serving import bundle, golden, load
from serving.wire import tensor_proto
from serving.wire.messages import serving

CONNECTIONS = (1, 16, 64)
PREDICT = "/tensorflow.serving.PredictionService/Predict"

Client = Callable[[], Awaitable[bool]]
"""Sends one request on a connection of its own; tells whether it was answered, or refused."""


def main() -> int:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, help="a published version: models/digits/1")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each row of the table")
    options = parser.parse_args()
    row = example(options.bundle)
    print(
        f"{'':24} {'connections':>11} {'requests/s':>11} {'p50 ms':>8} {'p99 ms':>8} {'refused':>8}"
    )
    for rows in (1, 256):
        rate = bare(options.bundle, row, rows, options.seconds)
        print(f"{f'bare session, {rows} rows':24} {'':>11} {rate:11.0f} rows/s")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(options.bundle, Path(folder) / "model" / "1")
        command = [sys.executable, "-m", "serving", folder, "--workers", str(options.workers)]
        command += ["--rest-port", "0", "--grpc-port", "0", "--poll", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                compare(*ports(process), row, options.seconds)
            finally:
                process.send_signal(signal.SIGTERM)
                process.stderr.read()
    return 0


def compare(rest: int, grpc_port: int, row: dict[str, np.ndarray], seconds: float) -> None:
    """Prints a line for each protocol and number of connections."""
    for name, connect in (
        ("REST, JSON row", lambda: rest_client(rest, row)),
        ("gRPC, typed fields", lambda: grpc_client(grpc_port, row)),
    ):
        for connections in CONNECTIONS:
            times, refused = uvloop.run(measured(connect, connections, seconds))
            p50, p99 = (1000 * float(np.quantile(times or [np.nan], q)) for q in (0.5, 0.99))
            rate = len(times) / seconds
            print(
                f"{name:24} {connections:11} {rate:11.0f} {p50:8.2f} {p99:8.2f} {refused:8}",
                flush=True,
            )


def example(folder: Path) -> dict[str, np.ndarray]:
    """Returns one real row of the bundle's golden inputs."""
    content = bundle.read_checked(folder, bundle.read(folder), bundle.REFERENCE)
    cases = golden.from_bytes(content)
    case = next(c for c in cases if c.signature == "serving_default" and c.name.startswith("real"))
    return {name: array[:1] for name, array in case.inputs.items()}


def bare(folder: Path, row: dict[str, np.ndarray], rows: int, seconds: float) -> float:
    """Returns rows a second of the session itself, on one thread."""
    session = load(folder).session("serving_default")
    inputs = {name: np.repeat(array, rows, axis=0) for name, array in row.items()}
    session.compute(inputs)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        session.compute(inputs)
        count += rows
    return count / (time.perf_counter() - began)


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


async def measured(connect: Callable, connections: int, seconds: float) -> tuple[list[float], int]:
    """Returns how long each answered request took, and how many were refused."""
    clients = [await connect() for _ in range(connections)]
    times: list[float] = []
    refusals: list[float] = []
    end = time.perf_counter() + seconds

    async def ask(client: Client) -> None:
        await client()
        while (began := time.perf_counter()) < end:
            is_answered = await client()
            (times if is_answered else refusals).append(time.perf_counter() - began)

    await asyncio.gather(*(ask(client) for client in clients))
    return times, len(refusals)


async def rest_client(port: int, row: dict[str, np.ndarray]) -> Client:
    """Opens a connection that is kept."""
    body = json.dumps({"inputs": {name: array.tolist() for name, array in row.items()}}).encode()
    head = (
        f"POST /v1/models/model:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask() -> bool:
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", answer)[1]))
        return answer.startswith(b"HTTP/1.1 200")

    return ask


async def grpc_client(port: int, row: dict[str, np.ndarray]) -> Client:
    """Opens a channel of its own."""
    request = serving("PredictRequest")()
    request.model_spec.name = "model"
    for name, array in row.items():
        tensor_proto.to_proto(array, request.inputs[name])
    content = request.SerializeToString()
    options = [("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options)
    call = channel.unary_unary(PREDICT)

    async def ask() -> bool:
        try:
            await call(content)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            return False
        return True

    return ask


if __name__ == "__main__":
    sys.exit(main())
