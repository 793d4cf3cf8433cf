"""S8: a label that moves between two versions under load: it always means one that it had."""

import asyncio
import json
import time

import grpc
from google.protobuf import text_format

from serving.wire.messages import serving
from tests.soak.live import Live, predict, publish
from tests.soak.trial import Outcome, Trial

MOVES, CONNECTIONS = 40, 4
ANSWERS_PER_MOVE = 500
"""At least."""
SERVICES = "/tensorflow.serving"


class Label:
    """Which version it means: the last one that it was moved to, or, meanwhile, is being moved to.

    Attributes:
        versions: all that it was moved to, one after the other.
        told: how many of them the server has said that it has moved to.
    """

    def __init__(self, version):
        self.versions, self.told = [version], 1

    async def move(self, reload, folder, version):
        """Has it moved; returns the seconds that this took."""
        self.versions.append(version)
        began = time.monotonic()
        answer = await reload(configuration(folder, version))
        code = serving("ReloadConfigResponse").FromString(answer).status.error_code
        self.told = len(self.versions)
        return (time.monotonic() - began) if code == 0 else float("inf")


def configuration(folder, version):
    """Serves both versions, of which one is called `stable`."""
    text = f"""config {{ model_config_list {{ config {{
        name: "half_plus" base_path: "{folder / "half_plus"}" model_platform: "tensorflow"
        model_version_policy {{ all {{}} }}
        version_labels {{ key: "stable" value: {version} }} }} }} }}"""
    return text_format.Parse(text, serving("ReloadConfigRequest")()).SerializeToString()


async def moved(number):
    faults, counts = [], {"answers": 0}
    with Live("--poll", "0", "--queue-ms", "60000") as server:
        publish(server.models, 2)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            reload = channel.unary_unary(f"{SERVICES}.ModelService/HandleReloadConfigRequest")
            label = Label(1)
            await label.move(reload, server.models, 1)
            ended = asyncio.Event()
            asking = [rest(server, ended, label, counts, faults) for _ in range(CONNECTIONS)]
            asking = asyncio.gather(*asking, rpc(server, ended, label, counts, faults))
            longest = 0.0
            for move in range(1, 1 + MOVES):
                seconds = await label.move(reload, server.models, 1 + move % 2)
                longest = max(longest, seconds)
                while counts["answers"] < move * ANSWERS_PER_MOVE and not asking.done():
                    await asyncio.sleep(0.01)
            ended.set()
            await asking
    if longest == float("inf"):
        faults.append("the server would not move a label")
    return Outcome(done=MOVES, faults=faults, figures={"longest move s": longest, **counts})


async def rest(server, ended, label, counts, faults):
    client = await server.connect()
    while not ended.is_set():
        known = label.told - 1
        status, body = await client.ask(
            "POST", "/v1/models/half_plus/labels/stable:predict", predict([0.0])
        )
        value = json.loads(body).get("outputs", [None])[0]
        counts["answers"] += 1
        if status != 200 or value not in label.versions[known:]:
            faults.append(f"REST: {status} {body!r}, and not {label.versions[known:]}")
    client.close()


async def rpc(server, ended, label, counts, faults):
    request, response = serving("PredictRequest")(), serving("PredictResponse")
    request.model_spec.name, request.model_spec.version_label = "half_plus", "stable"
    request.inputs["x"].dtype = 1
    request.inputs["x"].tensor_shape.dim.add(size=1)
    request.inputs["x"].float_val.append(0.0)
    content = request.SerializeToString()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary(f"{SERVICES}.PredictionService/Predict")
        while not ended.is_set():
            known = label.told - 1
            try:
                answer = response.FromString(await call(content))
                value = answer.outputs["y"].float_val[0]
            except grpc.aio.AioRpcError as error:
                value = error.code()
            counts["answers"] += 1
            if value not in label.versions[known:]:
                faults.append(f"gRPC: {value}, and not {label.versions[known:]}")


TRIALS = [
    Trial(
        name="S8-labels",
        what="labels moved under load",
        rounds=10,
        run=moved,
        promise="no request fails; each answer is by a version that the label then had",
    ),
]
