"""S4: bodies at the cap and beyond it, bombs, a hundred times; memory stays where it was."""

import asyncio
import contextlib
import gzip

from tests.soak.live import MEBIBYTE, Live, predict
from tests.soak.trial import Outcome, Trial

CAP = 16 * MEBIBYTE
REPEATS = 100
PATH = "/v1/models/half_plus:predict"
GROWTH_MEBIBYTES = 1


def padded(size):
    """A request of exactly so many bytes that takes little to read."""
    body = predict([1.0])
    return body[:-1] + b" " * (size - len(body)) + b"}"


async def answers(server):
    """Sends every kind of body once; yields what was wrong."""
    bomb = gzip.compress(b" " * (CAP + 1), 9)
    for wanted, body, headers in (
        (200, padded(CAP), ""),
        (413, padded(CAP + 1), ""),
        (413, bomb, "Content-Encoding: gzip\r\n"),
        (431, b"", f"A: {'a' * 65536}\r\n"),
    ):
        client = await server.connect()
        client.send("POST", PATH, body, headers)
        status, _ = await client.receive()
        client.close()
        if status != wanted:
            yield f"{status} instead of {wanted} to {len(body)} bytes, {headers[:20]!r}"


async def endless(server):
    """Says that a body of a gigabyte comes; returns how much was sent before it was refused."""
    client = await server.connect()
    client.send("POST", PATH, b"", "Content-Length: 1073741824\r\n")
    answer, sent = asyncio.create_task(client.receive()), 0
    with contextlib.suppress(ConnectionError):
        while sent < 2**30 and not answer.done():
            client.writer.write(b" " * 65536)
            await client.writer.drain()
            await asyncio.sleep(0)
            sent += 65536
    client.close()
    return sent


async def large(number):
    faults = []
    with Live() as server:
        for _ in range(3):
            faults += [fault async for fault in answers(server)]
        before = server.memory_bytes()
        for _ in range(REPEATS):
            faults += [fault async for fault in answers(server)]
        growth = (server.memory_bytes() - before) / MEBIBYTE
        taken = await endless(server) / MEBIBYTE
    if growth > GROWTH_MEBIBYTES:
        faults.append(f"memory grew by {growth:.1f} MiB")
    if taken > CAP / MEBIBYTE:
        faults.append(f"{taken:.0f} MiB of a body that is too large were read")
    return Outcome(
        done=REPEATS * 4,
        faults=faults,
        figures={"growth MiB": growth, "taken of a gigabyte MiB": taken},
    )


TRIALS = [
    Trial(
        name="S4",
        what="bodies and heads at the cap and beyond",
        rounds=1,
        run=large,
        promise="200 at the cap, else 413 or 431 before all is read; memory grows ≤ 1 MiB",
    ),
]
