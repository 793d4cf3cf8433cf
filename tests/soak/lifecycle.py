"""S9, S10: the server is ended by SIGTERM, a worker is killed: nothing that has begun is lost."""

import asyncio
import contextlib
import json
import os
import signal
import time
from pathlib import Path

import numpy as np

from serving.fleet.crew import SHORT_LIFE_SECONDS
from tests.soak.live import Live, predict
from tests.soak.trial import Outcome, Trial

IN_FLIGHT, KILLS = 200, 10
LONGEST_READY_SECONDS, LONGEST_END_SECONDS = 0.1, 1.0
SLOW, QUICK = "/v1/models/slow:predict", "/v1/models/half_plus:predict"
PATIENT = ["--queue-ms", "600000", "--timeout", "600", "--grace", "600"]


async def drained(number):
    """Many requests are being answered when SIGTERM comes, at a moment of its own each time."""
    random, faults = np.random.default_rng([9, number]), []
    with Live(*PATIENT) as server:
        clients = [await server.connect() for _ in range(IN_FLIGHT)]
        for client in clients:  # each has answered once before: a connection that is kept alive
            await client.ask("POST", QUICK, predict([1.0]))
        for client in clients:
            client.send("POST", SLOW, predict([[1.0] * 250] * int(random.integers(1, 4))))
        while await in_flight(server) < IN_FLIGHT:
            await asyncio.sleep(0.01)
        probe = await server.connect()
        await asyncio.sleep(random.random() * 0.3)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        unready = asyncio.create_task(until_unready(probe, began))
        refusing = asyncio.create_task(until_refused(server, began))
        answers = await asyncio.gather(*(c.receive() for c in clients), return_exceptions=True)
        unready_seconds, refused_seconds = await unready, await refusing
        code = await asyncio.to_thread(server.process.wait)
        seconds = time.monotonic() - began
    lost = [answer for answer in answers if not isinstance(answer, tuple) or answer[0] != 200]
    if lost:
        faults.append(f"{len(lost)} of {IN_FLIGHT} requests were lost, the first with {lost[0]!r}")
    if code != 0:
        faults.append(f"the server ended with {code}")
    if unready_seconds > LONGEST_READY_SECONDS:
        faults.append(f"it said that it was ready for {1000 * unready_seconds:.0f} ms")
    figures = {
        "unready after ms": 1000 * unready_seconds,
        "nobody new after s": refused_seconds,
        "seconds to the end": seconds,
    }
    return Outcome(done=1, faults=faults, figures=figures)


async def until_unready(probe, began):
    """Asks on an open connection until the server is not ready; returns the seconds since then."""
    with contextlib.suppress(OSError, EOFError):  # it has ended the connection: not ready either
        while (await probe.ask("GET", "/v2/health/ready"))[0] == 200:
            pass
    return time.monotonic() - began


async def until_refused(server, began):
    """Connects until the server takes nobody new; returns the seconds since then."""
    with contextlib.suppress(OSError):
        while True:
            client = await server.connect()
            client.close()
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def ended_twice(number):
    """A second signal comes while much is still being answered."""
    random, faults = np.random.default_rng([99, number]), []
    with Live(*PATIENT) as server:
        clients = [await server.connect() for _ in range(IN_FLIGHT)]
        for client in clients:
            client.send("POST", SLOW, predict([[1.0] * 250] * 20))
        while await in_flight(server, answered_before=0) < IN_FLIGHT:
            await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.05 + random.random() * 0.3)
        if server.process.poll() is not None:
            faults.append("it had ended before the second signal")
        below = server.processes()
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(server.process.wait)
        while left := [process for process in below if is_running(process)]:
            if time.monotonic() > began + LONGEST_END_SECONDS:
                faults.append(f"{len(left)} of its processes were still there after a second")
                break
            await asyncio.sleep(0.01)
        seconds = time.monotonic() - began
    if code != 1:
        faults.append(f"the server ended with {code}")
    return Outcome(done=1, faults=faults, figures={"seconds to the end": seconds})


async def in_flight(server, answered_before=IN_FLIGHT):
    """Requests that the server has read, or has answered already; without the one that asks."""
    answered = await server.metric("keras_serve_requests_total")
    return answered - answered_before + await server.metric("keras_serve_requests_in_flight") - 1


async def killed(number):
    """Workers are killed while others answer; what they were at is refused, and only that."""
    random, faults, back = np.random.default_rng([10, number]), [], []
    with Live(*PATIENT) as server:
        ended, counts = asyncio.Event(), {"answered": 0, "told 503": 0, "closed": 0}
        requests = [(QUICK, predict([2.0])), (SLOW, predict([[1.0] * 250] * 8))] * 4
        asking = asyncio.gather(
            *(keep_asking(server, *request, ended, counts, faults) for request in requests)
        )
        for kill in range(KILLS):
            # One that dies sooner is thought to do so again, and is replaced after a pause.
            await asyncio.sleep(SHORT_LIFE_SECONDS + 1 + random.random())
            workers = server.workers()
            victim = int(random.choice(workers))
            began = time.monotonic()
            os.kill(victim, [signal.SIGKILL, signal.SIGABRT][kill % 2])
            while victim in (there := server.workers()) or len(there) < len(workers):
                await asyncio.sleep(0.02)
            while await server.metric("keras_serve_worker_restarts_total") <= kill:
                await asyncio.sleep(0.02)
            back.append(time.monotonic() - began)
        ended.set()
        await asyncio.wait_for(asking, 60)
        status, _ = await server.ask("GET", "/v2/health/ready")
    if status != 200:
        faults.append("the server is not ready any more")
    if max(back) > 5:
        faults.append(f"a worker was replaced after {max(back):.1f} s")
    return Outcome(done=KILLS, faults=faults, figures={"replaced in s": max(back), **counts})


async def keep_asking(server, path, asked, ended, counts, faults):
    client = await server.connect()
    while not ended.is_set():
        try:
            status, body = await asyncio.wait_for(client.ask("POST", path, asked), 30)
        except (OSError, EOFError):
            counts["closed"] += 1
            client = await server.connect()
            continue
        except TimeoutError:
            faults.append("a request was never answered")
            return
        if status == 200 and (path == SLOW or json.loads(body) == {"outputs": [2.0]}):
            counts["answered"] += 1
        elif status == 503:
            counts["told 503"] += 1
        else:
            faults.append(f"{status} {body!r}")
    client.close()


def is_running(process):
    """Tells whether it is there, and more than an entry that nobody has asked about."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


TRIALS = [
    Trial(
        name="S9",
        what="ends by SIGTERM with 200 requests in flight",
        rounds=50,
        run=drained,
        promise="none is lost; not ready in ≤ 100 ms; exit code 0",
    ),
    Trial(
        name="S9-twice",
        what="ends by a second signal",
        rounds=10,
        run=ended_twice,
        promise="it, and all its processes, in ≤ 1 s",
    ),
    Trial(
        name="S10",
        what="workers killed under load",
        rounds=10,
        run=killed,
        promise="replaced in ≤ 5 s; what it was at gets 503, nothing hangs",
    ),
]
