"""Operators that ONNX Runtime computes slower in a newer operator set than in an older one.

From operator set 19 on, average pooling may be dilated, and ONNX Runtime 1.32 then computes it by a
loop over every element (`python -m benchmarks.pooling` prints how long it takes). Only in two
dimensions, and of channels in eights, has it another way.
"""

import onnx

from export.lowering.later import DOMAIN
from export.subgraphs import all_nodes

IN_BLOCKS = 8
"""Channels that it lays out together, at the least."""


def is_faster(model: onnx.ModelProto) -> bool:
    """Tells whether a graph is better left in the operator set that tf2onnx wrote it in.

    Args:
        model: before it is lifted. If any node waits for a newer operator set, it is not.
    """
    found = list(all_nodes(model.graph))
    if any(node.domain == DOMAIN for node in found):
        return False
    pools = [node for node in found if node.op_type == "AveragePool"]
    channels = _channels(model) if pools else {}
    return any(not _has_another_way(node, channels.get(node.input[0], 0)) for node in pools)


def _channels(model: onnx.ModelProto) -> dict[str, int]:
    """Of tensors in the order [batch, channels, …], 0 where it is free."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {
        value.name: value.type.tensor_type.shape.dim[1].dim_value
        for value in (*graph.value_info, *graph.input)
        if len(value.type.tensor_type.shape.dim) > 1
    }


def _has_another_way(pool: onnx.NodeProto, channels: int) -> bool:
    (size,) = [one.ints for one in pool.attribute if one.name == "kernel_shape"]
    return len(size) == 2 and channels > 0 and channels % IN_BLOCKS == 0
