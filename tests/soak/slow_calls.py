"""S5 over gRPC: clients that send half of something, a byte a second, or take nothing; and crowds.

They speak HTTP/2 frame by frame: grpc's own clients know better.
"""

import asyncio
import contextlib
import struct
import time

import numpy as np

from serving.http2 import frames
from serving.http2.frames import DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, frame
from serving.wire import tensor_proto
from serving.wire.messages import serving
from tests.soak.callers import FIELDS, GRPCCaller
from tests.soak.live import MEBIBYTE, Live
from tests.soak.slow_clients import borne, borne_all, look_back, while_asked
from tests.soak.trial import Outcome, Trial

CONNECTIONS, CROWD = 500, 3000
"""That there may be in each worker, and that come."""
PAUSE_SECONDS, STAY_SECONDS = 0.004, 5.0
"""Between two of a crowd; after the last."""
LARGEST_GROWTH = 64 * MEBIBYTE
BEGUN = frames.PREFACE + frames.settings({})
CALLED = frame(HEADERS, END_HEADERS, 1, FIELDS)
HALF_MESSAGE = struct.pack(">BI", 0, 90) + b"x"


def pictures(count):
    """Asks for pictures of four pixels: eight bytes each in an answer."""
    request = serving("PredictRequest")()
    request.model_spec.name, request.model_spec.signature_name = "pixels", "sample"
    tensor_proto.to_proto(np.int64(200), request.inputs["seed"])
    tensor_proto.to_proto(np.int32(count), request.inputs["count"])
    content = request.SerializeToString()
    return frame(DATA, END_STREAM, 1, struct.pack(">BI", 0, len(content)) + content)


CROWDS = {
    "idle ones": BEGUN,
    "half-open calls": BEGUN
    + b"".join(frame(HEADERS, END_HEADERS, number, FIELDS) for number in range(1, 20, 2)),
}
"""What each of very many sends."""


async def nothing(writer):
    """Connects, and that is all."""


async def half_preface(writer):
    writer.write(frames.PREFACE[:9])


async def half_head(writer):
    writer.write(BEGUN + CALLED[:-1])


async def half_call(writer):
    writer.write(BEGUN + CALLED)


async def half_message(writer):
    writer.write(BEGUN + CALLED + frame(DATA, 0, 1, HALF_MESSAGE))


async def byte_a_second(writer):
    writer.write(BEGUN + CALLED + frame(DATA, 0, 1, HALF_MESSAGE))
    for _ in range(60):
        await asyncio.sleep(1)
        writer.write(frame(DATA, 0, 1, b"x"))


async def no_window(writer):
    """Takes no more than 64 KiB of a long answer."""
    writer.write(BEGUN + CALLED + pictures(300_000))


KINDS = {
    nothing: 100,
    half_preface: 100,
    half_head: 100,
    half_call: 100,
    half_message: 100,
    byte_a_second: 100,
    no_window: 20,
}
"""How many of each there are at a time."""


async def held(server, kind):
    """Behaves badly; returns for how many seconds the server put up with it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.grpc_port)
    return await borne(writer, kind(writer), until_told(reader))


async def until_told(reader):
    """Returns once the call has ended, or the connection."""
    with contextlib.suppress(OSError, EOFError):
        while True:
            head = await reader.readexactly(frames.HEAD_BYTES)
            size, frame_kind, flags, _ = frames.read_head(head, 0)
            await reader.readexactly(size)
            if frame_kind == GOAWAY or (frame_kind == HEADERS and flags & END_STREAM):
                return


async def normal(server, ended):
    """Calls properly all the time; returns the seconds that answers took."""
    caller, times = await GRPCCaller.connect(server), []
    while not ended.is_set():
        began = time.perf_counter()
        said = await caller.ask()
        times.append(time.perf_counter() - began if said == "answered" else float("inf"))
        await asyncio.sleep(0.005)
    caller.close()
    return times


async def crowd(server, content):
    """Opens more connections than there may be, and stays; returns the bytes that this takes."""
    before, pairs = server.memory_bytes(), []
    for _ in range(CROWD):
        with contextlib.suppress(OSError):
            pairs.append(await asyncio.open_connection("127.0.0.1", server.grpc_port))
            pairs[-1][1].write(content)
        await asyncio.sleep(PAUSE_SECONDS)
    await asyncio.sleep(STAY_SECONDS)
    taken = server.memory_bytes() - before
    for _, writer in pairs:
        writer.transport.abort()
    return taken


async def slow(number):
    faults, figures = [], {}
    with Live("--connections", CONNECTIONS) as server:
        _, idle = await while_asked(normal, server, asyncio.sleep(5))
        before, busy = server.descriptors(), 0.0
        for name, content in CROWDS.items():
            taken, p99 = await while_asked(normal, server, crowd(server, content))
            figures[f"{name} MiB"], busy = taken / MEBIBYTE, max(busy, p99)
            if taken > LARGEST_GROWTH:
                faults.append(f"{name} took {taken / MEBIBYTE:.0f} MiB")
        for kind, clients in KINDS.items():
            kinds = borne_all(held, {kind: clients}, server, faults, figures)
            _, p99 = await while_asked(normal, server, kinds)
            busy = max(busy, p99)
        await look_back(server, before, busy, idle, faults, figures)
    done = sum(KINDS.values()) + len(CROWDS) * CROWD
    return Outcome(done=done, faults=faults, figures=figures)


TRIALS = [
    Trial(
        name="S5-gRPC",
        what="slow, deaf and idle gRPC clients, and crowds of them",
        rounds=1,
        run=slow,
        promise="each told in ≤ 10 s; others' p99 ≤ twice the idle one; ≤ 64 MiB; no socket left",
    ),
]
