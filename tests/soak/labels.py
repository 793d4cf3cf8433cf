"""S8: a label that moves between two versions under load: it always means one that it had."""

import asyncio
import time

import grpc
from google.protobuf import text_format

from serving.wire.messages import serving
from tests.soak.live import Live, publish
from tests.soak.swaps import rest, rpc
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
        answers: how many have come.
        faults: what was no answer of a version that it meant.
    """

    def __init__(self, version):
        self.versions, self.told = [version], 1
        self.answers, self.faults = 0, []

    async def move(self, reload, folder, version):
        """Has it moved; returns the seconds that this took."""
        self.versions.append(version)
        began = time.monotonic()
        answer = await reload(configuration(folder, version))
        code = serving("ReloadConfigResponse").FromString(answer).status.error_code
        self.told = len(self.versions)
        return (time.monotonic() - began) if code == 0 else float("inf")

    async def ask(self, protocol, ask, ended):
        """Asks with `ask` until `ended`; it returns the version that answered, or what came."""
        while not ended.is_set():
            known = self.told - 1
            said = await ask()
            self.answers += 1
            if said not in self.versions[known:]:
                self.faults.append(f"{protocol}: {said}, and not {self.versions[known:]}")


def configuration(folder, version):
    """Serves both versions, of which one is called `stable`."""
    text = f"""config {{ model_config_list {{ config {{
        name: "half_plus" base_path: "{folder / "half_plus"}" model_platform: "tensorflow"
        model_version_policy {{ all {{}} }}
        version_labels {{ key: "stable" value: {version} }} }} }} }}"""
    return text_format.Parse(text, serving("ReloadConfigRequest")()).SerializeToString()


async def moved(number):
    with Live("--poll", "0", "--queue-ms", "60000") as server:
        publish(server.models, 2)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            reload = channel.unary_unary(f"{SERVICES}.ModelService/HandleReloadConfigRequest")
            label = Label(1)
            await label.move(reload, server.models, 1)
            ended = asyncio.Event()
            asking = [rest(server, label, ended, "stable") for _ in range(CONNECTIONS)]
            asking = asyncio.gather(*asking, rpc(server, label, ended, "stable"))
            longest = 0.0
            for move in range(1, 1 + MOVES):
                seconds = await label.move(reload, server.models, 1 + move % 2)
                longest = max(longest, seconds)
                while label.answers < move * ANSWERS_PER_MOVE and not asking.done():
                    await asyncio.sleep(0.01)
            ended.set()
            await asking
    if longest == float("inf"):
        label.faults.append("the server would not move a label")
    figures = {"longest move s": longest, "answers": label.answers}
    return Outcome(done=MOVES, faults=label.faults, figures=figures)


TRIALS = [
    Trial(
        name="S8-labels",
        what="labels moved under load",
        rounds=10,
        run=moved,
        promise="no request fails; each answer is by a version that the label then had",
    ),
]
