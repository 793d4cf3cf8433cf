"""S8: versions that come and go under load over both protocols: every answer is one version's."""

import asyncio
import json
import shutil
import time

import grpc

from serving.wire.messages import serving
from tests.serving.networks import half_plus
from tests.serving.written_bundles import write_bundle
from tests.soak.live import MEBIBYTE, Live, predict, publish
from tests.soak.trial import Outcome, Trial

SWAPS, CONNECTIONS = 10, 4
ANSWERS_PER_SWAP = 2000
"""At least: two hundred thousand in all rounds."""
PATH = "/v1/models/half_plus"


async def swapped(number):
    faults, counts, there = [], {"answers": 0}, {1}
    with Live("--poll", "0.1", "--queue-ms", "60000") as server:
        ended = asyncio.Event()
        asking = [rest(server, ended, there, counts, faults) for _ in range(CONNECTIONS)]
        asking = asyncio.gather(*asking, rpc(server, ended, there, counts, faults))
        await asyncio.sleep(1)
        before, longest = server.memory_bytes(), 0.0
        for version in range(2, 2 + SWAPS):
            if version % 5 == 0:  # a version that is refused, and the one before goes on
                await refused(server, 1000 + version, faults)
            there.add(version)
            publish(server.models, version)
            began = time.monotonic()
            await until(server, version, "AVAILABLE")
            await until(server, version - 1, "END")
            longest = max(longest, time.monotonic() - began)
            wanted = (version - 1) * ANSWERS_PER_SWAP
            while counts["answers"] < wanted and not asking.done():
                await asyncio.sleep(0.05)
            shutil.rmtree(server.models / "half_plus" / str(version - 1))
        # Back to a smaller number, as one does when a release was a mistake.
        publish(server.models, 1)
        shutil.rmtree(server.models / "half_plus" / str(1 + SWAPS))
        await until(server, 1, "AVAILABLE")
        ended.set()
        await asking
        growth = (server.memory_bytes() - before) / MEBIBYTE
    return Outcome(
        done=SWAPS + 1,
        faults=faults,
        figures={"longest swap s": longest, "growth MiB": growth, **counts},
    )


async def rest(server, ended, there, counts, faults):
    client = await server.connect()
    while not ended.is_set():
        status, body = await client.ask("POST", f"{PATH}:predict", predict([0.0]))
        value = json.loads(body).get("outputs", [None])[0]
        judge("REST", status == 200 and value in there, f"{status} {body!r}", counts, faults)
    client.close()


async def rpc(server, ended, there, counts, faults):
    request = serving("PredictRequest")()
    request.model_spec.name = "half_plus"
    request.inputs["x"].dtype = 1
    request.inputs["x"].tensor_shape.dim.add(size=1)
    request.inputs["x"].float_val.append(0.0)
    content, response = request.SerializeToString(), serving("PredictResponse")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        while not ended.is_set():
            try:
                answer = response.FromString(await call(content))
                value = answer.outputs["y"].float_val[0]
                said_by = answer.model_spec.version.value
                judge(
                    "gRPC",
                    value == said_by and value in there,
                    f"{value} by {said_by}",
                    counts,
                    faults,
                )
            except grpc.aio.AioRpcError as error:
                judge("gRPC", False, str(error.code()), counts, faults)


def judge(protocol, is_right, told, counts, faults):
    counts["answers"] += 1
    if not is_right:
        faults.append(f"{protocol}: {told}")


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
        promise="no request fails; each answer is one version's",
    ),
]
