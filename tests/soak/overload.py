"""S6: five times what the server can answer, for a minute: what is refused is refused at once."""

import asyncio
import time

from tests.soak.live import Live, predict, quantile
from tests.soak.trial import Outcome, Trial

TIMES, SECONDS, CONNECTIONS = 5, 60.0, 64
PATH = "/v1/models/slow:predict"
BODY = predict([[1.0] * 250])
QUEUE_MS = 50


async def closed_loop(server, seconds, connections):
    """Asks as fast as it is answered; returns the seconds that each good answer took."""
    times, end = [], time.perf_counter() + seconds

    async def ask():
        client = await server.connect()
        while (began := time.perf_counter()) < end:
            status, _ = await client.ask("POST", PATH, BODY)
            if status == 200:
                times.append(time.perf_counter() - began)
        client.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    return times


async def open_loop(server, seconds, per_second):
    """Asks at a steady rate, whatever comes back.

    Returns status and seconds of each request, and the seconds by which this process came late to
    its own work: it shares the machine with the server.
    """
    free = [await server.connect() for _ in range(CONNECTIONS * TIMES)]
    found, asking, late = [], set(), []

    async def ask(client):
        began = time.perf_counter()
        try:
            status, _ = await client.ask("POST", PATH, BODY)
        except (OSError, EOFError):  # it was kept waiting in reserve until the server closed it
            client = await server.connect()
            status, _ = await client.ask("POST", PATH, BODY)
        found.append((status, time.perf_counter() - began))
        free.append(client)

    began, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * per_second:
            client = free.pop() if free else await server.connect()
            task = asyncio.create_task(ask(client))
            asking.add(task)
            task.add_done_callback(asking.discard)
            sent += 1
        woken = time.perf_counter() + 0.002
        await asyncio.sleep(0.002)
        late.append(time.perf_counter() - woken)
    await asyncio.gather(*asking)
    for client in free:
        client.close()
    return found, quantile(late, 0.99)


async def overloaded(number):
    faults = []
    with Live("--queue-ms", QUEUE_MS) as server:
        await closed_loop(server, 2, 8)  # it learns how long a row takes
        unloaded = quantile(await closed_loop(server, 5, 1), 0.99)
        capacity = len(await closed_loop(server, 10, 8)) / 10
        found, late = await open_loop(server, SECONDS, TIMES * capacity)
        began = time.perf_counter()
        while (await server.ask("POST", PATH, BODY))[0] != 200:
            await asyncio.sleep(0.01)
        recovery = time.perf_counter() - began
    accepted = [seconds for status, seconds in found if status == 200]
    refused = [seconds for status, seconds in found if status in (429, 503)]
    others = {status for status, _ in found} - {200, 429, 503}
    goodput = len(accepted) / SECONDS / capacity
    figures = {
        "capacity lost %": 100 * (1 - goodput),
        "accepted p99 ms": 1000 * quantile(accepted, 0.99),
        "refused p99 ms": 1000 * quantile(refused or [0], 0.99),
        "the client's own delay p99 ms": 1000 * late,
        "recovery s": recovery,
    }
    if others:
        faults.append(f"answered with {others}")
    if goodput < 0.9:
        faults.append(f"only {100 * goodput:.0f} % of the capacity was answered")
    if refused and quantile(refused, 0.99) > 0.05 + 2 * late:
        faults.append(f"refusals took {figures['refused p99 ms']:.0f} ms")
    if quantile(accepted, 0.99) > max(4 * unloaded, unloaded + 2 * QUEUE_MS / 1000) + 2 * late:
        faults.append(
            f"accepted took {figures['accepted p99 ms']:.0f} ms, alone {1000 * unloaded:.0f}"
        )
    if recovery > 2:
        faults.append(f"it recovered after {recovery:.1f} s")
    return Outcome(done=len(found), faults=faults, figures=figures)


TRIALS = [
    Trial(
        name="S6",
        what="requests at five times the capacity",
        rounds=1,
        run=overloaded,
        promise="≥ 90 % of capacity answered, refusals p99 ≤ 50 ms, well again in ≤ 2 s",
    ),
]
