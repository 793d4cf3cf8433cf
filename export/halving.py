"""Numbers of sixteen bits in a graph, for GPUs and for the disk; what goes in and comes out stays.

float16 is what every operator computes in that can. bfloat16, which few of ONNX Runtime's kernels
take on a CPU, where it could then not be proven, is what the weights are stored in: they become
float32 once, when the graph is loaded.
"""

from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export import canonical

LARGE = 256
"""Numbers in a constant that is worth storing in half."""


def to_float16(path: Path) -> str:
    """Makes a graph compute in float16, in place; returns `everything`."""
    from onnxruntime.transformers import float16

    model = onnx.load(str(path))
    layer_of = canonical.layers_in(model.graph)
    made = float16.convert_float_to_float16(model, keep_io_types=True)
    _write(made, path, layer_of)
    return "everything"


def to_bfloat16(path: Path) -> str:
    """Stores a graph's weights in bfloat16, in place; returns `weights`."""
    model = onnx.load(str(path))
    graph = model.graph
    layer_of = canonical.layers_in(graph)
    for constant in list(graph.initializer):
        if constant.data_type != TensorProto.FLOAT or np.prod(constant.dims) < LARGE:
            continue
        name = f"{constant.name}/bfloat16"
        halves = numpy_helper.to_array(constant).astype(ml_dtypes.bfloat16)
        graph.initializer.remove(constant)
        graph.initializer.append(numpy_helper.from_array(halves, name))
        graph.node.insert(
            0, helper.make_node("Cast", [name], [constant.name], to=TensorProto.FLOAT)
        )
    _write(model, path, layer_of)
    return "weights"


WRITERS = {"float16": to_float16, "bfloat16": to_bfloat16}
"""By what they make a graph of."""


def _write(model: onnx.ModelProto, path: Path, layer_of: Callable[[str], str]) -> None:
    inputs, outputs = (
        [one.name for one in side] for side in (model.graph.input, model.graph.output)
    )
    canonical.canonicalize(model.graph, inputs, outputs, layer_of)
    path.write_bytes(model.SerializeToString(deterministic=True))
