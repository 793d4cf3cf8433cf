"""Bundles of graphs small enough to be told by hand, and real servers on them."""

import contextlib
import dataclasses
import http.client
import io
import itertools
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from serving import bundle, golden
from serving.bundle import Codec, Manifest, Signature, Tensor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own_bundle(digits_bundle, tmp_path):
    copy = tmp_path / "models" / "digits" / "1"
    shutil.copytree(digits_bundle, copy)
    return copy


@dataclasses.dataclass(frozen=True, kw_only=True)
class Graph:
    """A signature, the operators behind it, and what they compute, in NumPy."""

    signature: Signature
    nodes: list = dataclasses.field(default_factory=list)
    constants: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    reference: Callable | None = None
    examples: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def serialized(self):
        def info(tensor):
            kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
            return helper.make_tensor_value_info(tensor.name, kind, tensor.shape)

        graph = helper.make_graph(
            self.nodes,
            self.signature.name,
            [info(tensor) for tensor in self.signature.inputs],
            [info(tensor) for tensor in self.signature.outputs],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        opset = [helper.make_opsetid("", 18)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=10)
        return onnx.ModelProto.SerializeToString(model)


def signature(name, inputs, outputs, *, has_graph=True):
    return Signature(
        name=name,
        summary=name,
        runtimes=("onnx",) if has_graph else ("savedmodel",),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        onnx=f"onnx/{name}.onnx" if has_graph else None,
    )


def tensor(name, dtype, *shape, **further):
    return Tensor(name=name, dtype=dtype, shape=("batch", *shape), **further)


EXAMPLES = Codec(name="example")


def write_bundle(folder, graphs):
    """Writes a bundle of graphs, complete with golden outputs and hashes."""
    (folder / "onnx").mkdir(parents=True)
    cases = []
    for graph in graphs:
        if graph.signature.onnx is None:
            continue
        (folder / graph.signature.onnx).write_bytes(graph.serialized())
        outputs = graph.reference(**graph.examples)
        cases.append(
            golden.Case(
                signature=graph.signature.name,
                name="real",
                inputs=graph.examples,
                outputs=dict(zip((t.name for t in graph.signature.outputs), outputs, strict=True)),
            )
        )
    buffer = io.BytesIO()
    np.savez(buffer, **golden.to_arrays(cases))
    (folder / "reference.npz").write_bytes(buffer.getvalue())
    (folder / "README.md").write_text(f"# {folder.parent.name}\n")
    manifest = Manifest(
        name=folder.parent.name,
        family=None,
        created="2026-01-01T00:00:00+00:00",
        source={},
        versions={},
        signatures=tuple(graph.signature for graph in graphs),
        proof=(),
        files=bundle.describe_all(folder),
    )
    (folder / "bundle.json").write_text(bundle.to_json(manifest))
    return folder


def half_plus(number):
    """TF Serving's own example: x / 2 + 2, for prediction and for regression."""
    return [
        Graph(
            signature=signature(
                "serving_default", [tensor("x", "float32")], [tensor("y", "float32")]
            ),
            nodes=[
                helper.make_node("Mul", ["x", "half"], ["halved"]),
                helper.make_node("Add", ["halved", "number"], ["y"]),
            ],
            constants={"half": np.float32(0.5), "number": np.float32(number)},
            reference=lambda x: [x / 2 + np.float32(number)],
            examples={"x": np.arange(5, dtype=np.float32)},
        ),
        Graph(
            signature=signature(
                "regress_x_to_y",
                [tensor("inputs", "string", codec=EXAMPLES)],
                [tensor("outputs", "float32")],
                has_graph=False,
            )
        ),
    ]


def sums():
    """Two inputs, three outputs, of different types and ranks."""
    inputs = [tensor("a", "float32", 2), tensor("b", "int32")]
    outputs = [
        tensor("doubled", "float32", 2),
        tensor("next", "int32"),
        tensor("is_large", "bool"),
    ]
    return [
        Graph(
            signature=signature("serving_default", inputs, outputs),
            nodes=[
                helper.make_node("Add", ["a", "a"], ["doubled"]),
                helper.make_node("Add", ["b", "one"], ["next"]),
                helper.make_node("Greater", ["b", "one"], ["is_large"]),
            ],
            constants={"one": np.int32(1)},
            reference=lambda a, b: [a + a, b + 1, b > 1],
            examples={"a": np.eye(2, dtype=np.float32), "b": np.array([0, 5], np.int32)},
        )
    ]


def pixels():
    """A classifier of 2 × 2 pictures by their brightest pixel, also from bytes and Examples."""
    classes = ["north", "east", "south", "west"]
    picture = Codec(name="image", settings={"height": 2, "width": 2, "channels": 1})
    named = {"classes": classes}
    probabilities = tensor(
        "probabilities", "float32", 4, codec=Codec(name="probabilities", settings=named)
    )
    label = tensor("label", "int64", codec=Codec(name="class", settings=named))

    def softmax(image):
        flat = image.reshape(-1, 4).astype(np.float64) / 50
        shares = np.exp(flat) / np.exp(flat).sum(axis=1, keepdims=True)
        return [shares.astype(np.float32), flat.argmax(axis=1)]

    image = np.array([[200, 0, 100, 0], [0, 200, 50, 0], [9, 0, 99, 3]], np.uint8)
    return [
        Graph(
            signature=signature(
                "serving_default",
                [tensor("image", "uint8", 2, 2, 1, codec=picture)],
                [probabilities, label],
            ),
            nodes=[
                helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
                helper.make_node("Reshape", ["numbers", "shape"], ["flat"]),
                helper.make_node("Div", ["flat", "fifty"], ["logits"]),
                helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
                helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
            ],
            constants={"fifty": np.float32(50), "shape": np.array([-1, 4], np.int64)},
            reference=softmax,
            examples={"image": image.reshape(3, 2, 2, 1)},
        ),
        Graph(
            signature=signature(
                "classify_image_bytes",
                [tensor("image_bytes", "string")],
                [tensor("class", "string"), probabilities],
                has_graph=False,
            )
        ),
        Graph(
            signature=signature(
                "classify",
                [tensor("inputs", "string", codec=EXAMPLES)],
                [tensor("classes", "string", 4), tensor("scores", "float32", 4)],
                has_graph=False,
            )
        ),
        Graph(
            signature=signature(
                "negative",
                [tensor("image", "uint8", 2, 2, 1, codec=picture)],
                [tensor("negative", "uint8", 2, 2, 1, codec=picture)],
            ),
            nodes=[
                helper.make_node("Cast", ["image"], ["whole"], to=TensorProto.INT32),
                helper.make_node("Sub", ["white", "whole"], ["rest"]),
                helper.make_node("Cast", ["rest"], ["negative"], to=TensorProto.UINT8),
            ],
            constants={"white": np.int32(255)},
            reference=lambda image: [255 - image],
            examples={"image": image.reshape(3, 2, 2, 1)},
        ),
        Graph(
            signature=signature(
                "sample",
                [
                    Tensor(name="seed", dtype="int64", shape=()),
                    Tensor(name="count", dtype="int32", shape=()),
                ],
                [tensor("image", "uint8", 2, 2, 1, codec=picture)],
            ),
            nodes=[
                helper.make_node("Cast", ["count"], ["long"], to=TensorProto.INT64),
                helper.make_node("Reshape", ["long", "one"], ["rows"]),
                helper.make_node("Concat", ["rows", "size"], ["shape"], axis=0),
                helper.make_node("Cast", ["seed"], ["grey"], to=TensorProto.UINT8),
                helper.make_node("Expand", ["grey", "shape"], ["image"]),
            ],
            constants={"one": np.array([1]), "size": np.array([2, 2, 1])},
            reference=lambda seed, count: [np.full((count, 2, 2, 1), seed, np.uint8)],
            examples={"seed": np.array(7), "count": np.array(3, np.int32)},
        ),
        Graph(signature=signature("mystery", [label], [label], has_graph=False)),
    ]


def series():
    """The mean over time: an answer that needs at least one step; lengths differ."""
    return [
        Graph(
            signature=signature(
                "serving_default", [tensor("x", "float32", "time")], [tensor("y", "float32")]
            ),
            nodes=[helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)],
            constants={"axes": np.array([1], np.int64)},
            reference=lambda x: [x.mean(axis=1)],
            examples={"x": np.arange(12, dtype=np.float32).reshape(3, 4)},
        )
    ]


def so_far():
    """The sum over time so far: what follows changes nothing of it."""
    return [
        Graph(
            signature=signature(
                "serving_default",
                [tensor("x", "float32", "time")],
                [tensor("y", "float32", "time")],
            ),
            nodes=[helper.make_node("CumSum", ["x", "axis"], ["y"])],
            constants={"axis": np.array(1)},
            reference=lambda x: [x.cumsum(axis=1)],
            examples={"x": np.arange(12, dtype=np.float32).reshape(3, 4)},
        )
    ]


def masked():
    """The sum over time of what is no padding, -1; the lengths are masked."""
    return [
        Graph(
            signature=signature(
                "serving_default",
                [tensor("x", "float32", "time", minimum=-1)],
                [tensor("y", "float32")],
            ),
            nodes=[
                helper.make_node("Relu", ["x"], ["unmasked"]),
                helper.make_node("ReduceSum", ["unmasked", "axes"], ["y"], keepdims=0),
            ],
            constants={"axes": np.array([1])},
            reference=lambda x: [np.maximum(x, 0).sum(axis=1)],
            examples={"x": np.arange(12, dtype=np.float32).reshape(3, 4)},
        )
    ]


def slow():
    """Some hundredths of a second for each row: matrices multiplied again and again."""
    size, times = 250, 20
    matrix = (np.eye(size) * 0.5).astype(np.float32)
    names = ["x", *(f"step_{step}" for step in range(times))]
    shape = np.array([-1, size, 1], np.int64)
    return [
        Graph(
            signature=signature(
                "serving_default", [tensor("x", "float32", size)], [tensor("y", "float32")]
            ),
            nodes=[
                helper.make_node("Reshape", ["x", "shape"], ["column"]),
                helper.make_node("Mul", ["column", "ones"], ["step_0"]),
                *(
                    helper.make_node("MatMul", [before, "matrix"], [after])
                    for before, after in itertools.pairwise(names[1:])
                ),
                helper.make_node("ReduceMax", [names[-1], "axes"], ["y"], keepdims=0),
            ],
            constants={
                "shape": shape,
                "ones": np.ones((1, 1, size), np.float32),
                "matrix": matrix,
                "axes": np.array([1, 2], np.int64),
            },
            reference=lambda x: [x.max(axis=1) * np.float32(0.5) ** (times - 1)],
            examples={"x": np.arange(2 * size, dtype=np.float32).reshape(2, size)},
        )
    ]


@pytest.fixture(scope="session")
def write_half_plus():
    """A function that writes `<folder>/half_plus/<version>`, which computes x / 2 + number."""

    def write(folder, version, number):
        return write_bundle(folder / "half_plus" / str(version), half_plus(number))

    return write


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with a model of every kind; `half_plus` has two versions, as TF Serving's has."""
    folder = tmp_path_factory.mktemp("served")
    write_bundle(folder / "half_plus" / "123", half_plus(2))
    write_bundle(folder / "half_plus" / "00000124", half_plus(3))
    for build in (sums, pixels, series, so_far, masked, slow):
        write_bundle(folder / build.__name__ / "1", build())
    return folder


class Server:
    """A `keras-serve` process, and requests to it."""

    def __init__(self, *arguments, most_files=None):
        def limit_files():
            if most_files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))

        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "serving",
                "--rest-port",
                "0",
                "--grpc-port",
                "0",
                *map(str, arguments),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit_files,
        )
        self.lines = []
        self.port = int(self.wait_for(r"REST on \S+:(\d+)")[1])
        self.grpc_port = int(self.wait_for(r"gRPC on \S+:(\d+)")[1])
        self.wait_for("keras-serve: ready")

    def wait_for(self, pattern):
        """Reads what the server says until a line of it matches."""
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"the server ended without {pattern!r}:\n{''.join(self.lines)}")

    def request(self, method, path, body=None, headers=()):
        """Returns status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def get(self, path):
        """Returns status and JSON."""
        status, _, body = self.request("GET", path)
        return status, json.loads(body)

    def post(self, path, content, **headers):
        """Sends JSON, or a text as it is; returns status and JSON."""
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        status, _, body = self.request("POST", path, text, headers.items())
        return status, json.loads(body)

    def connect(self):
        """Opens a connection."""
        return socket.create_connection(("127.0.0.1", self.port))

    def raw(self, content, *, ends=True):
        """Sends bytes on a connection of their own, and returns all that is answered."""
        with self.connect() as connection:
            connection.sendall(content)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def until(self, path, is_there):
        """Asks again and again until the answer is as wanted, and returns it."""
        while True:
            status, content = self.get(path)
            if is_there(status, content):
                return content

    def workers(self):
        """The process numbers of all processes below the server, innermost last."""
        found, wanted = [], [self.process.pid]
        while wanted:
            parent = wanted.pop(0)
            for task in Path(f"/proc/{parent}/task").iterdir():
                children = (task / "children").read_text().split()
                found += map(int, children)
                wanted += map(int, children)
        return found

    def stop(self):
        """Sends SIGTERM and returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.stderr.read()
        return self.process.wait()


@pytest.fixture(scope="session")
def start_server():
    """A function that starts a server, of which the test may do what it likes."""
    started = []

    def start(*arguments, **options):
        started.append(Server(*arguments, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()
        server.process.stderr.close()


@pytest.fixture(scope="session")
def server(start_server, models):
    """Two workers on all models and both versions of `half_plus`; leave it as it is."""
    policy = ["--model-version-policy", "all"]
    return start_server(models, *policy, "--workers", "2", "--queue-ms", "6e5", "--timeout", "600")


@pytest.fixture(scope="session")
def texts(start_server, text_bundle, models, tmp_path_factory):
    """Three workers on a text generator and on a model that is none."""
    folder = tmp_path_factory.mktemp("texts")
    shutil.copytree(text_bundle, folder / "python" / "1")
    shutil.copytree(models / "sums", folder / "sums")
    return start_server(folder, "--workers", "3")
