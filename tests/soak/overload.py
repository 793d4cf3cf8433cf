"""S6: five times what the server can answer, for a minute: what is refused is refused at once.

What it can answer and what it answers under that load are measured by turns, since a machine with
other work on it is not equally fast from one minute to the next. On a machine that has no core to
spare, the clients take their share of the server's, which is counted.
"""

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.soak.callers import ANSWERED, REFUSED, GRPCCaller, RESTCaller
from tests.soak.live import Live, quantile
from tests.soak.trial import Outcome, Trial

TIMES, TURNS, SECONDS = 5, 6, 10.0
CAPACITY_SECONDS, CAPACITY_CONNECTIONS = 4.0, 8
RESERVE = 320
"""Connections that wait to ask, so that none has to be opened for it."""
QUEUE_MS = 50
WORKERS = 2
CALLERS = {"REST": RESTCaller, "gRPC": GRPCCaller}


@dataclass
class Measured:
    """What was seen of one API.

    Attributes:
        alone: seconds of a request that nothing disturbs (p99).
        could, did: how many requests could have been answered, and how many were.
        needed, had: seconds of a core that these take without refusals beside them, and took.
        accepted, refused: seconds of each request.
        codes: what came back.
        late: seconds by which this process came late to its own work: it shares the machine.
        recovery: seconds until all was well again.
    """

    alone: float = 0.0
    could: float = 0.0
    did: int = 0
    needed: float = 0.0
    had: float = 0.0
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    codes: Counter = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)
    recovery: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds until now: of the clock, of a core that this process has had, and the workers."""

    clock: float
    own: float
    workers: float

    @classmethod
    def of(cls, server):
        return cls(
            clock=time.perf_counter(), own=time.process_time(), workers=server.worker_seconds()
        )

    def own_share(self, before):
        """Returns the share of a core that this process has had since then."""
        return (self.own - before.own) / (self.clock - before.clock)


async def closed_loop(server, caller, seconds, connections):
    """Asks as fast as it is answered; returns the seconds that each good answer took."""
    times, end = [], time.perf_counter() + seconds

    async def ask():
        client = await caller.connect(server)
        while (began := time.perf_counter()) < end:
            if await client.ask() == ANSWERED:
                times.append(time.perf_counter() - began)
        client.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    return times


async def open_loop(server, caller, seconds, per_second, seen):
    """Asks at a steady rate, whatever comes back; adds what does to `seen`."""
    free = [await caller.connect(server) for _ in range(RESERVE)]
    asking, before = set(), seen.codes[ANSWERED]

    async def ask(client):
        began = time.perf_counter()
        try:
            code = await client.ask()
        except ConnectionError:  # it was kept waiting in reserve until the server closed it
            client = await caller.connect(server)
            code = await client.ask()
        taken = time.perf_counter() - began
        seen.codes[code] += 1
        {ANSWERED: seen.accepted, REFUSED: seen.refused}.get(code, []).append(taken)
        free.append(client)

    began, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * per_second:
            client = free.pop() if free else await caller.connect(server)
            task = asyncio.create_task(ask(client))
            asking.add(task)
            task.add_done_callback(asking.discard)
            sent += 1
        woken = time.perf_counter() + 0.002
        await asyncio.sleep(0.002)
        seen.late.append(time.perf_counter() - woken)
    seen.did += seen.codes[ANSWERED] - before
    await asyncio.gather(*asking)
    for client in free:
        client.close()


async def turn(server, caller, seen):
    """Measures what the server can answer, overloads it, and sees it recover."""
    before = Times.of(server)
    answered = len(await closed_loop(server, caller, CAPACITY_SECONDS, CAPACITY_CONNECTIONS))
    capacity, between, accepted = answered / CAPACITY_SECONDS, Times.of(server), len(seen.accepted)
    await open_loop(server, caller, SECONDS, TIMES * capacity, seen)
    after = Times.of(server)
    taken = after.own_share(between) - between.own_share(before)
    seen.could += capacity * SECONDS * left(taken)
    each = (between.workers - before.workers) / answered
    seen.needed += each * (len(seen.accepted) - accepted)
    seen.had += after.workers - between.workers
    client, began = await caller.connect(server), time.perf_counter()
    while await client.ask() != ANSWERED:
        await asyncio.sleep(0.01)
    seen.recovery = max(seen.recovery, time.perf_counter() - began)
    client.close()


def left(taken):
    """Returns the share of the server's cores that clients leave which take so much of a core."""
    cores = len(os.sched_getaffinity(0))
    return 1 - taken / cores if cores <= WORKERS else 1.0


async def overloaded(number):
    found = {name: Measured() for name in CALLERS}
    with Live("--queue-ms", QUEUE_MS, "--workers", WORKERS) as server:
        for name, caller in CALLERS.items():
            await closed_loop(server, caller, 2, CAPACITY_CONNECTIONS)  # it learns what a row takes
            found[name].alone = quantile(await closed_loop(server, caller, 3, 1), 0.99)
        for _ in range(TURNS):
            for name, caller in CALLERS.items():
                await turn(server, caller, found[name])
    return Outcome(
        done=sum(seen.codes.total() for seen in found.values()),
        faults=[f"{name}: {fault}" for name, seen in found.items() for fault in faults(seen)],
        figures={
            f"{name} {what}": figure
            for name, seen in found.items()
            for what, figure in figures(seen).items()
        },
    )


def figures(seen):
    return {
        "capacity lost %": 100 * (1 - seen.did / seen.could),
        "of the workers' time for refusals %": 100 * (1 - seen.needed / seen.had),
        "accepted p99 ms": 1000 * quantile(seen.accepted, 0.99),
        "refused p99 ms": 1000 * quantile(seen.refused or [0], 0.99),
        "the client's own delay p99 ms": 1000 * quantile(seen.late, 0.99),
        "recovery s": seen.recovery,
    }


def faults(seen):
    late = quantile(seen.late, 0.99)  # this process shares the machine with the server
    if others := set(seen.codes) - {ANSWERED, REFUSED}:
        yield f"answered with {others}"
    if seen.did < 0.9 * seen.could:
        yield f"only {100 * seen.did / seen.could:.0f} % of the capacity was answered"
    if quantile(seen.refused or [0], 0.99) > 0.05 + 2 * late:
        yield f"refusals took {1000 * quantile(seen.refused, 0.99):.0f} ms"
    accepted = quantile(seen.accepted, 0.99)
    if accepted > max(4 * seen.alone, seen.alone + 2 * QUEUE_MS / 1000) + 2 * late:
        yield f"accepted took {1000 * accepted:.0f} ms, alone {1000 * seen.alone:.0f}"
    if seen.recovery > 2:
        yield f"it recovered after {seen.recovery:.1f} s"


TRIALS = [
    Trial(
        name="S6",
        what="requests at five times the capacity, over both protocols by turns",
        rounds=1,
        run=overloaded,
        promise="≥ 90 % of capacity answered, refusals p99 ≤ 50 ms, well again in ≤ 2 s",
    ),
]
