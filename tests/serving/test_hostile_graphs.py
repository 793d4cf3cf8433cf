"""Graphs made to do harm: they are refused before any worker opens them, and the server goes on."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving import integrity

ROOT = Path(__file__).parents[2]
SIZE = 4


def graph(nodes, constants=(), *, functions=(), domains=()):
    """A model of `x` float32 [batch] to `y`, of such nodes."""
    made = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch"])],
        list(constants),
    )
    opsets = [helper.make_opsetid("", 18), *(helper.make_opsetid(name, 1) for name in domains)]
    return helper.make_model(made, opset_imports=opsets, ir_version=10, functions=list(functions))


def external(location, **further):
    """Adds a constant that lies in another file."""
    constant = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[SIZE])
    constant.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **further}.items():
        constant.external_data.add(key=key, value=str(value))
    total = helper.make_node("ReduceSum", ["c"], ["total"], keepdims=0)
    return graph([total, helper.make_node("Add", ["x", "total"], ["y"])], [constant])


def nested(depth):
    """An If within an If within an If, written by hand: no library would write so many."""

    def field(number, content):
        length, size = [], len(content)
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        return bytes([number << 3 | 2, *length, size]) + content

    within = onnx.GraphProto.SerializeToString(
        graph([helper.make_node("Identity", ["x"], ["y"])]).graph
    )
    for _ in range(depth):  # graph: node: attribute: graph
        attribute = field(1, b"then_branch") + field(6, within)
        node = field(1, b"c") + field(2, b"y") + field(4, b"If") + field(5, attribute)
        within = field(1, node) + field(2, b"graph")
    opset = onnx.OperatorSetIdProto.SerializeToString(helper.make_opsetid("", 18))
    return b"\x08\x0a" + field(7, within) + b"\x42" + bytes([len(opset)]) + opset


def endless():
    """Two functions, each of which calls the other."""
    functions = [
        helper.make_function(
            "own", name, ["a"], ["b"],
            [helper.make_node(other, ["a"], ["b"], domain="own")],
            [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)],
        )
        for name, other in (("One", "Two"), ("Two", "One"))
    ]  # fmt: skip
    call = helper.make_node("One", ["x"], ["y"], domain="own")
    return graph([call], functions=functions, domains=["own"])


def huge():
    """A constant that says it has a thousand million elements, and brings none."""
    constant = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[10**9])
    total = helper.make_node("ReduceSum", ["c"], ["total"], keepdims=0)
    return graph([total, helper.make_node("Add", ["x", "total"], ["y"])], [constant])


def grown():
    """A few bytes that become a tensor of eight gigabytes whenever they are run."""
    shape = numpy_helper.from_array(np.array([2 * 10**9]), "shape")
    fill = helper.make_node("ConstantOfShape", ["shape"], ["large"])
    total = helper.make_node("ReduceSum", ["large"], ["total"], keepdims=0)
    return graph([fill, total, helper.make_node("Add", ["x", "total"], ["y"])], [shape])


def unknown():
    return graph([helper.make_node("Evil", ["x"], ["y"], domain="evil")], domains=["evil"])


HOSTILE = {
    "parent": external("../secret"),
    "further_parent": external("a/../../secret"),
    "absolute": external("/etc/passwd"),
    "symbolic_link": external("link"),
    "hard_link": external("hard"),
    "beside": external("weights"),
    "device": external("/dev/zero", length=2**40),
    "large_offset": external("weights", offset=2**62, length=16),
    "negative_offset": external("weights", offset=-16, length=16),
    "negative_length": external("weights", length=-1),
    "memory_address": external("*/_ORT_MEM_ADDR_/*", offset=4096, length=16),
    "unknown_operator": unknown(),
    "huge": huge(),
    "grown": grown(),
    "nested": nested(1000),
    "endless": endless(),
}


def spoil(folder, content, secret):
    """Puts a graph into a bundle, with files that it would read, and hashes that fit."""
    (folder / "onnx" / "serving_default.onnx").write_bytes(content)
    (folder / "onnx" / "weights").write_bytes(np.zeros(SIZE, np.float32).tobytes())
    os.link(secret, folder / "onnx" / "hard")
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["signatures"] = manifest["signatures"][:1]
    manifest["files"] = {
        name: {"bytes": file.bytes, "sha256": file.sha256}
        for name, file in integrity.describe_all(folder).items()
    }
    (folder / "bundle.json").write_text(json.dumps(manifest))
    (folder / "onnx" / "link").symlink_to(secret)


def test_a_hostile_graph_is_refused_and_the_server_goes_on(start_server, write_half_plus, tmp_path):
    secret, models = tmp_path / "secret", tmp_path / "models"
    secret.write_bytes(np.ones(SIZE, np.float32).tobytes())
    for name, model in HOSTILE.items():
        made = write_half_plus(tmp_path / "made" / name, 1, 2)
        is_written = isinstance(model, bytes)
        spoil(made, model if is_written else onnx.ModelProto.SerializeToString(model), secret)
        (models / name).mkdir(parents=True)
        made.rename(models / name / "1")
    write_half_plus(models, 1, 2)
    server = start_server(models, "--workers", "1", "--poll", "0")
    for name in HOSTILE:
        status, answer = server.get(f"/v1/models/{name}")
        (version,) = answer["model_version_status"]
        assert (status, version["state"]) == (200, "END"), name
        assert version["status"]["error_code"] in ("DATA_LOSS", "RESOURCE_EXHAUSTED"), version
        assert server.post(f"/v1/models/{name}:predict", {"instances": [1.0]})[0] == 404
    answer = server.post("/v1/models/half_plus:predict", {"instances": [1.0]})
    assert answer == (200, {"predictions": [2.5]})
    assert server.stop() == 0


LOADING = """
import json, os, signal, sys
from serving.errors import DamagedBundle
from serving.bundle import Signature, Tensor
from serving.session import Session
import numpy as np, resource
x, y = (Tensor(name=name, dtype="float32", shape=("batch",)) for name in "xy")
signature = Signature(name="s", summary="", runtimes=(), inputs=(x,), outputs=(y,))
content, first, last = open(sys.argv[1], "rb").read(), int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
for number in range(first, last):
    random = np.random.default_rng(number)
    damaged = bytearray(content)
    for _ in range(random.integers(1, 4)):
        place = int(random.integers(len(damaged)))
        damaged[place] = int(random.integers(256)) if random.integers(2) else damaged[place] ^ 1
    signal.alarm(10)
    try:
        session = Session(bytes(damaged), signature)
        outcome = "loaded"
    except DamagedBundle:
        outcome = "refused"
    signal.alarm(0)
    print(number, outcome, flush=True)
"""


def test_two_thousand_damaged_graphs_are_loaded_or_refused_or_cost_one_process(
    write_half_plus, tmp_path
):
    """A process that a graph brings down is a trial that has failed; none of them hangs."""
    path = write_half_plus(tmp_path, 1, 2) / "onnx" / "serving_default.onnx"
    done, fell, last = [], [], 2000
    while len(done) + len(fell) < last:
        first = len(done) + len(fell)
        process = subprocess.run(
            [sys.executable, "-c", LOADING, str(path), str(first), str(last)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        done += re.findall(r"^\d+ (loaded|refused)$", process.stdout, re.MULTILINE)
        if process.returncode:
            assert process.returncode < 0, process.stderr  # by a signal, and not by Python
            assert process.returncode != -14, "a graph was loaded for ten seconds"
            fell.append(first)
    assert done.count("refused") > last // 2
    assert len(fell) < last // 20
