"""M2, M3: bundles whose hashes are right and whose graphs are hostile, or damaged at random."""

import asyncio
import json
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.serving.networks import half_plus
from tests.serving.written_bundles import write_bundle
from tests.soak.live import MEBIBYTE, Live
from tests.soak.mutations import reseal
from tests.soak.trial import Outcome, Trial

PATH = "/v1/models/half_plus"
REFUSED = {"DATA_LOSS", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "ABORTED"}


def external(location, **further):
    """A graph whose constant lies in another file."""

    def change(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **further}.items():
            tensor.external_data.add(key=key, value=str(value))

    return change


def enormous(model):
    model.graph.initializer[0].dims[:] = [10**9]


def foreign(model):
    model.graph.node[0].domain = "com.example.shell"
    model.opset_import.append(helper.make_opsetid("com.example.shell", 1))


def nested(model):
    """A branch in a branch, three hundred deep."""
    output = helper.make_tensor_value_info("z", TensorProto.FLOAT, [])
    inner = helper.make_graph([helper.make_node("Identity", ["number"], ["z"])], "g", [], [output])
    for _ in range(300):
        node = helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
        if node.ByteSize() > 2**20:
            break
        inner = helper.make_graph([node], "g", [], [output])
    model.graph.node.extend(inner.node)


def endless(model):
    """Functions that call each other."""
    for name, other in (("A", "B"), ("B", "A")):
        node = helper.make_node(other, ["x"], ["y"], domain="own")
        model.functions.append(
            helper.make_function("own", name, ["x"], ["y"], [node], [helper.make_opsetid("own", 1)])
        )
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node[0].domain, model.graph.node[0].op_type = "own", "A"
    del model.graph.node[0].input[1:]


HOSTILE = {
    "outside": external("../../../secret"),
    "absolute": external("/etc/hostname", length=4),
    "beside": external("weights"),
    "symlink": external("link"),
    "hard link": external("hard"),
    "device": external("/dev/zero"),
    "huge offset": external("weights", offset=2**62),
    "negative length": external("weights", length=-1),
    "memory address": external("*/_ORT_MEM_ADDR_/*", offset=4096, length=4),
    "enormous constant": enormous,
    "operator of a stranger": foreign,
    "nested branches": nested,
    "endless functions": endless,
}


async def hostile(number):
    faults = []
    with Live("--poll", "0.1", "--load-timeout", "10") as server:
        before = server.memory_bytes()
        peak = 0.0
        for version, (name, change) in enumerate(HOSTILE.items(), 100):
            made = spoilt(server.models, version, change)
            made.rename(server.models / "half_plus" / str(version))
            status = await ended(server, version)
            if status["error_code"] not in REFUSED:
                faults.append(f"{name}: {status}")
            peak = max(peak, (server.memory_bytes() - before) / MEBIBYTE)
        _, body = await server.ask("POST", f"{PATH}:predict", b'{"inputs": [0]}')
        if json.loads(body) != {"outputs": [1.0]}:
            faults.append(f"version 1 does not answer any more: {body!r}")
    return Outcome(done=len(HOSTILE), faults=faults, figures={"growth MiB": peak})


def spoilt(folder, version, change):
    """Writes a version whose graph is changed, with the files beside it that it may point to."""
    secret = folder.parent / "secret"
    secret.write_bytes(np.float32(0.5).tobytes())
    made = write_bundle(folder / ".staging" / "half_plus" / str(version), half_plus(version))
    graph = made / "onnx" / "serving_default.onnx"
    model = onnx.load(graph, load_external_data=False)
    change(model)
    content = onnx.ModelProto.SerializeToString(model)
    graph.write_bytes(content)
    (made / "onnx" / "weights").write_bytes(np.float32(0.5).tobytes())
    (made / "onnx" / "link").symlink_to(secret)
    os.link(secret, made / "onnx" / "hard")
    reseal(made)
    return made


async def ended(server, version):
    while True:
        status, body = await server.ask("GET", f"{PATH}/versions/{version}")
        told = json.loads(body)["model_version_status"][0] if status == 200 else {"state": None}
        if told["state"] in ("END", "AVAILABLE"):
            return told["status"]
        await asyncio.sleep(0.05)


async def mutated(number):
    """Tries damaged bundles in a process that has little to hand on to those that it forks."""
    command = [sys.executable, "-m", "tests.soak.mutations", str(number)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    told, _ = await process.communicate()
    if process.returncode:
        return Outcome(done=0, faults=[f"the process that tries ended with {process.returncode}"])
    return Outcome(**json.loads(told))


TRIALS = [
    Trial(
        name="M2",
        what="hostile graphs",
        rounds=1,
        run=hostile,
        promise="each refused, no second file read, the version before goes on",
    ),
    Trial(
        name="M3",
        what="graphs damaged at random",
        rounds=200,
        run=mutated,
        promise="each refused or harmless in a process of its own; none hangs",
    ),
]
