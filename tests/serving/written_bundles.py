"""Bundles of graphs that a test puts together, complete with golden outputs and hashes."""

import dataclasses
import io
from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from serving import bundle_json, golden, integrity
from serving.bundle import Manifest, Signature, Tensor


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
        files=integrity.describe_all(folder),
    )
    (folder / "bundle.json").write_text(bundle_json.to_text(manifest))
    return folder
