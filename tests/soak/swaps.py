"""S8: versions that come and go under load over both protocols: every answer is one version's."""

import asyncio
import json
import shutil
import time

import grpc

from serving.wire.messages import serving
from tests.serving.asking import predict_request
from tests.serving.networks import half_plus
from tests.serving.written_bundles import write_bundle
from tests.soak.live import MEBIBYTE, Live, predict, publish, quantile
from tests.soak.trial import Outcome, Trial

SWAPS, CONNECTIONS = 10, 4
LONGEST_SECONDS = 5.0
"""For both versions to be in memory."""
SHARE_MS = 20.0
"""What the trial of a version takes of cores that clients and workers use too."""
ANSWERS_PER_SWAP = 2000
"""At least: two hundred thousand in all rounds."""
PATH = "/v1/models/half_plus"


class Load:
    """What is asked all the time, and how that goes.

    Attributes:
        there: the versions that may answer.
        is_swapping: one takes another's place just now.
        answers: how many have come.
        faults: what was no answer of one of these versions.
        seconds: that answers took, while a version was taking another's place and otherwise.
    """

    def __init__(self, version):
        self.there, self.is_swapping = {version}, False
        self.answers, self.faults = 0, []
        self.seconds = {True: [], False: []}

    async def ask(self, protocol, ask, ended):
        """Asks with `ask` until `ended`; it returns the version that answered, or what came."""
        while not ended.is_set():
            expected, began, is_swapping = set(self.there), time.perf_counter(), self.is_swapping
            said = await ask()
            self.seconds[is_swapping].append(time.perf_counter() - began)
            self.answers += 1
            if said not in expected | self.there:
                self.faults.append(f"{protocol}: {said}")

    def p99_ms(self, *, is_swapping):
        """Returns the milliseconds in which all but one of a hundred answers came."""
        return 1000 * quantile(self.seconds[is_swapping], 0.99)


async def swapped(number):
    load = Load(1)
    with Live("--poll", "0.1", "--queue-ms", "60000") as server:
        ended = asyncio.Event()
        asking = asyncio.gather(
            *(rest(server, load, ended) for _ in range(CONNECTIONS)), rpc(server, load, ended)
        )
        await asyncio.sleep(1)
        before, longest = server.memory_bytes(), 0.0
        for version in range(2, 2 + SWAPS):
            if version % 5 == 0:  # a version that is refused, and the one before goes on
                await refused(server, 1000 + version, load.faults)
            longest = max(longest, await swap(server, load, version - 1, version))
            wanted = (version - 1) * ANSWERS_PER_SWAP
            while load.answers < wanted and not asking.done():
                await asyncio.sleep(0.05)
            shutil.rmtree(server.models / "half_plus" / str(version - 1))
        # Back to a smaller number, as one does when a release was a mistake.
        publish(server.models, 1)
        load.there.add(1)
        shutil.rmtree(server.models / "half_plus" / str(1 + SWAPS))
        await until(server, 1, "AVAILABLE")
        ended.set()
        await asking
        growth = (server.memory_bytes() - before) / MEBIBYTE
    return Outcome(
        done=SWAPS + 1,
        faults=load.faults + judged(load, longest),
        figures=figures(load, longest, growth),
    )


async def swap(server, load, old, new):
    """Publishes a version; returns the seconds until the old one has gone."""
    load.there.add(new)
    load.is_swapping, began = True, time.monotonic()
    publish(server.models, new)
    await until(server, new, "AVAILABLE")
    await until(server, old, "END")
    load.there.remove(old)
    load.is_swapping = False
    return time.monotonic() - began


def judged(load, longest):
    """Says what took too long."""
    faults, swapping, idle = [], load.p99_ms(is_swapping=True), load.p99_ms(is_swapping=False)
    if longest > LONGEST_SECONDS:
        faults.append(f"two versions were in memory for {longest:.1f} s")
    if swapping > max(2 * idle, idle + SHARE_MS):
        faults.append(f"answers took {swapping:.1f} ms in a swap, and {idle:.1f} ms otherwise")
    return faults


def figures(load, longest, growth):
    """Puts together what was measured."""
    return {
        "longest swap s": longest,
        "growth MiB": growth,
        "answers": load.answers,
        "p99 in swaps ms": load.p99_ms(is_swapping=True),
        "p99 otherwise ms": load.p99_ms(is_swapping=False),
    }


async def rest(server, load, ended, label=None):
    client, path = await server.connect(), f"{PATH}/labels/{label}" if label else PATH

    async def ask():
        status, body = await client.ask("POST", f"{path}:predict", predict([0.0]))
        return json.loads(body)["outputs"][0] if status == 200 else f"{status} {body!r}"

    await load.ask("REST", ask, ended)
    client.close()


async def rpc(server, load, ended, label=None):
    content = predict_request(label).SerializeToString()
    response = serving("PredictResponse")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

        async def ask():
            try:
                answer = response.FromString(await call(content))
            except grpc.aio.AioRpcError as error:
                return str(error.code())
            value, said_by = answer.outputs["y"].float_val[0], answer.model_spec.version.value
            return value if value == said_by else f"{value} by {said_by}"

        await load.ask("gRPC", ask, ended)


async def refused(server, version, faults):
    """Publishes a version whose graph is damaged, and takes it away again."""
    publish_damaged(server.models, version)
    status = await until(server, version, "END")
    if status["error_code"] != "DATA_LOSS":
        faults.append(f"a damaged version ended with {status}")
    shutil.rmtree(server.models / "half_plus" / str(version))


def publish_damaged(folder, version):
    made = write_bundle(folder / ".staging" / "half_plus" / str(version), half_plus(version))
    graph = made / "onnx" / "serving_default.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    made.rename(folder / "half_plus" / str(version))


async def until(server, version, state):
    """Waits until a version is in a state, and returns what is said of it."""
    while True:
        status, body = await server.ask("GET", f"{PATH}/versions/{version}")
        if status == 200:
            (told,) = json.loads(body)["model_version_status"]
            if told["state"] == state:
                return told["status"]
        await asyncio.sleep(0.05)


TRIALS = [
    Trial(
        name="S8",
        what="versions swapped under load, rolled back, refused",
        rounds=10,
        run=swapped,
        promise="no request fails; each answer is one version's; in a swap p99 ≤ twice what it is",
    ),
]
