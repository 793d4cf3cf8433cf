"""ONNX Runtime's own optimizer, run once at export, as far as what it writes is ONNX.

What it does at every start anyway, constants computed, transposes cancelled, bias and scale folded,
is then in the file, for every runtime that reads it. Its later levels write operators of its own
(`com.microsoft`), and for one processor; they are left to where the graph is loaded.
"""

import dataclasses
import tempfile
from pathlib import Path

import onnx
import onnxruntime

from export import canonical
from export.lowering.detached import refuse_detached
from export.refusals import ONNX_DOMAINS
from export.subgraphs import all_nodes
from keras_models.errors import BadInput
from serving.bundle import Manifest, Optimized


def optimized(manifest: Manifest, folder: Path) -> Manifest:
    """Optimizes every graph of a staged bundle in place, before it is proven.

    Returns:
        The manifest, which then says how many operators each graph had and has.

    Raises:
        BadInput: ONNX Runtime cannot load a graph, or needs operators of its own for it.
    """
    described = [
        one if one.onnx is None else dataclasses.replace(one, optimized=optimize(folder / one.onnx))
        for one in manifest.signatures
    ]
    return dataclasses.replace(manifest, signatures=tuple(described))


def optimize(path: Path) -> Optimized:
    """Optimizes one graph in place, and returns what became of it.

    Raises:
        BadInput: ONNX Runtime cannot load it, or needs operators of its own for it.
    """
    refuse_detached(path)
    before = onnx.load(str(path))
    after = _rewritten(path)
    graph = before.graph
    nodes = len(graph.node)
    inputs, outputs = [one.name for one in graph.input], [one.name for one in graph.output]
    declared, layer_of = (list(graph.input), list(graph.output)), canonical.layers_in(graph)
    graph.CopyFrom(after.graph)
    graph.name = path.stem
    canonical.canonicalize(graph, inputs, outputs, layer_of)
    for values, own in zip((graph.input, graph.output), declared, strict=True):
        del values[:]
        values.extend(own)
    onnx.checker.check_model(before, full_check=True)
    path.write_bytes(before.SerializeToString(deterministic=True))
    return Optimized(before=nodes, after=len(graph.node))


def _rewritten(path: Path) -> onnx.ModelProto:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as place:
        options.optimized_model_filepath = str(Path(place) / "optimized.onnx")
        try:
            onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises many types, some of them not its own
            raise BadInput(f"{path.stem} cannot be optimized: {error}") from error
        model = onnx.load(options.optimized_model_filepath)
    foreign = sorted({n.op_type for n in all_nodes(model.graph) if n.domain not in ONNX_DOMAINS})
    if foreign:
        raise BadInput(f"{path.stem} would need ONNX Runtime's own {', '.join(foreign)}")
    return model
