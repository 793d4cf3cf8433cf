"""S5: clients that send half of something, a byte a second, read nothing, or close one side."""

import asyncio
import contextlib
import socket
import time

from tests.soak.live import Live, predict, quantile
from tests.soak.trial import Outcome, Trial

LONGEST_SECONDS = 12.0
"""Ten, and what the busy machine of the clients adds."""
PATH = "/v1/models/half_plus:predict"
HALF_HEAD = b"POST / HTTP/1.1\r\nContent-Le"
HALF_BODY = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n{"
ASKED = b"GET /page/style.css HTTP/1.1\r\nHost: a\r\n\r\n" * 4000
"""Their answers are more than all sockets hold."""


async def half_head(client):
    client.writer.write(HALF_HEAD)


async def half_body(client):
    client.writer.write(HALF_BODY)


async def byte_a_second(client):
    for byte in HALF_HEAD:
        client.writer.write(bytes([byte]))
        await asyncio.sleep(1)


async def no_reading(client):
    """Asks and asks, and takes no answer."""
    client.writer.transport.pause_reading()
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.writer.write(ASKED)


async def half_closed(client):
    client.writer.write(HALF_BODY)
    client.writer.write_eof()


KINDS = {half_head: 120, half_body: 120, byte_a_second: 120, no_reading: 20, half_closed: 120}
"""How many of each there are at a time."""


async def held(server, kind):
    """Behaves badly; returns for how many seconds the server put up with it."""
    client = await server.connect()
    return await borne(client.writer, kind(client), until_closed(client, kind is no_reading))


async def borne(writer, behaving, ended):
    """Has a client behave until it is ended; returns the seconds that this took, then drops it."""
    began = time.monotonic()
    behaving, ended = asyncio.create_task(behaving), asyncio.create_task(ended)
    await asyncio.wait([ended], timeout=3 * LONGEST_SECONDS)
    behaving.cancel()
    ended.cancel()
    writer.transport.abort()
    return time.monotonic() - began


async def until_closed(client, is_deaf):
    """Returns once the server has closed the connection."""
    with contextlib.suppress(ConnectionError):
        if not is_deaf:
            await client.reader.read()
        while is_deaf:  # it never reads: whether the other side is there shows in writing
            await asyncio.sleep(0.1)
            client.writer.write(b"\r\n")
            await client.writer.drain()


async def normal(server, ended):
    """Asks properly all the time; returns the seconds that answers took."""
    client, times = await server.connect(), []
    while not ended.is_set():
        began = time.perf_counter()
        status, _ = await client.ask("POST", PATH, predict([1.0]))
        times.append(time.perf_counter() - began if status == 200 else float("inf"))
        await asyncio.sleep(0.005)
    client.close()
    return times


async def while_asked(normal, server, doing):
    """Does something while another client asks; returns what it gave, and that client's p99."""
    ended = asyncio.Event()
    asking = asyncio.create_task(normal(server, ended))
    found = await doing
    ended.set()
    return found, quantile(await asking, 0.99)


async def borne_all(held, kinds, server, faults, figures):
    """Lets so many of each kind behave, one kind after the other."""
    for kind, clients in kinds.items():
        seconds = await asyncio.gather(*(held(server, kind) for _ in range(clients)))
        figures[f"{kind.__name__} s"] = max(seconds)
        if max(seconds) > LONGEST_SECONDS:
            faults.append(f"{kind.__name__} was borne for {max(seconds):.1f} s")


async def look_back(server, descriptors, busy, idle, faults, figures):
    """Says what others waited, in seconds with and without the clients, and what is still open."""
    await asyncio.sleep(1)
    figures["others' p99 ms"], figures["idle p99 ms"] = 1000 * busy, 1000 * idle
    if busy > max(2 * idle, idle + 0.02):
        faults.append(f"others waited {1000 * busy:.1f} ms, {1000 * idle:.1f} ms without them")
    if server.descriptors() > descriptors:
        faults.append(f"{server.descriptors() - descriptors} descriptors are still open")


async def slow(number):
    faults, figures = [], {}
    with Live() as server:
        _, idle = await while_asked(normal, server, asyncio.sleep(5))
        before = server.descriptors()
        all_kinds = borne_all(held, KINDS, server, faults, figures)
        _, busy = await while_asked(normal, server, all_kinds)
        await look_back(server, before, busy, idle, faults, figures)
    return Outcome(done=sum(KINDS.values()), faults=faults, figures=figures)


TRIALS = [
    Trial(
        name="S5",
        what="slow, deaf and half-closed clients",
        rounds=1,
        run=slow,
        promise="each closed in ≤ 10 s; others' p99 ≤ twice the idle one; no socket left",
    ),
]
