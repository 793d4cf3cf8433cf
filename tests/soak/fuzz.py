"""S1, S2: requests damaged at random. The client's fault is said to be the client's."""

import asyncio
import contextlib
import time

import grpc
import numpy as np
from google.protobuf.message import DecodeError

from serving.wire.messages import serving
from tests.serving.damage import damaged_text
from tests.serving.test_fuzz import BODIES, PREDICT, ROWS, is_well_answered
from tests.soak.live import Live, quantile
from tests.soak.trial import Outcome, Trial

COUNT = 5000
"""Damaged requests in a round."""
READY = "/v2/health/ready"
HEAD = (
    f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(ROWS)}\r\nAccept: */*\r\n\r\n"
).encode()
GRPC_PREDICT = "/tensorflow.serving.PredictionService/Predict"
CLIENTS_FAULT = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.FAILED_PRECONDITION,  # TF Serving's code for an unknown signature
}


@contextlib.asynccontextmanager
async def watched(server):
    """Asks for the server's health all the time; yields the seconds that it took."""
    times, ended = [], asyncio.Event()

    async def watch():
        while not ended.is_set():
            began = time.perf_counter()
            status, _ = await server.ask("GET", READY)
            times.append(time.perf_counter() - began if status == 200 else float("inf"))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    yield times
    ended.set()
    await watching


def health(times, faults):
    """Judges how fast health was told; returns its figure."""
    slowest = quantile(times, 0.99)
    if slowest > 0.1:
        faults.append(f"health took {1000 * slowest:.0f} ms while damaged requests came")
    return {"health p99 ms": 1000 * slowest}


async def http(number):
    random, faults = np.random.default_rng([1, number]), []
    with Live() as server:
        before = server.processes()
        async with watched(server) as times:
            client = await server.connect()
            for _ in range(COUNT * 3 // 4):
                path = list(BODIES)[random.integers(len(BODIES))]
                body = damaged_text(BODIES[path], random)
                status, told = await client.ask("POST", path, body)
                if not is_well_answered(status, told):
                    faults.append(f"{status} to {body!r}")
            client.close()
            for _ in range(COUNT - COUNT * 3 // 4):
                head = damaged_text(HEAD, random)
                status = await answer_to(server, head + ROWS)
                if status and not (status in (200, 501) or 400 <= status < 500):
                    faults.append(f"{status} to {head!r}")
        figures = health(times, faults)
        faults += deaths(server, before)
    return Outcome(done=COUNT, faults=faults, figures=figures)


async def answer_to(server, content):
    """Sends bytes and no more; returns the first status, None where nothing is answered."""
    client = await server.connect()
    client.writer.write(content)
    client.writer.write_eof()
    with contextlib.suppress(ConnectionError):
        answer = await client.reader.read()
        client.close()
        return int(answer.split(b" ", 2)[1]) if answer else None


async def rpc(number):
    random, faults = np.random.default_rng([2, number]), []
    request = serving("PredictRequest")()
    request.model_spec.name = "sums"
    request.inputs["a"].dtype = 1
    for length in (2, 2):
        request.inputs["a"].tensor_shape.dim.add(size=length)
    request.inputs["a"].tensor_content = np.eye(2, dtype=np.float32).tobytes()
    request.inputs["b"].dtype = 3
    request.inputs["b"].tensor_shape.dim.add(size=2)
    request.inputs["b"].int_val.extend([1, 2])
    content = request.SerializeToString()
    with Live() as server:
        before = server.processes()
        async with (
            watched(server) as times,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
        ):
            call = channel.unary_unary(GRPC_PREDICT)
            for _ in range(COUNT):
                body = damaged_text(content, random)
                code = await code_of(call(body))
                if code not in CLIENTS_FAULT and not (
                    code == grpc.StatusCode.INTERNAL and is_no_message(body)
                ):
                    faults.append(f"{code} to {body!r}")
        figures = health(times, faults)
        faults += deaths(server, before)
    return Outcome(done=COUNT, faults=faults, figures=figures)


async def code_of(call):
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def is_no_message(body):
    try:
        serving("PredictRequest").FromString(body)
    except DecodeError:
        return True
    return False


def deaths(server, before):
    """Tells of processes that are others than before."""
    return [] if server.processes() == before else ["a process of the server died"]


TRIALS = [
    Trial(
        name="S1",
        what="damaged HTTP requests",
        rounds=40,
        run=http,
        promise="no crash, no 5xx, errors as JSON; health p99 ≤ 100 ms",
    ),
    Trial(
        name="S2",
        what="damaged gRPC requests",
        rounds=40,
        run=rpc,
        promise="no crash, only the client's codes; health p99 ≤ 100 ms",
    ),
]
