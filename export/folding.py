"""Folds a scale and a shift after a convolution into its weights: batch normalization, mostly.

tf2onnx folds batch normalization only where it recognizes it. ONNX Runtime folds as well when it
loads a graph, but what quantizes or runs the file elsewhere would not.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from export.wiring import constants_of, makers_of, number_of, readers_of

CHANNEL_AXIS = {"Conv": 0, "ConvTranspose": 1}
"""Of the weights, the axis of what comes out."""


def fold(graph: onnx.GraphProto) -> None:
    """Folds every `Mul` and `Add` of constants per channel into the convolution before it.

    Args:
        graph: changed in place.
    """
    constants, readers, makers = constants_of(graph), readers_of(graph), makers_of(graph)
    for node in list(graph.node):
        if node.op_type not in ("Mul", "Add") or len(node.input) != 2:
            continue
        for slot in (0, 1):
            before, other = makers.get(node.input[slot]), constants.get(node.input[1 - slot])
            if before is None or other is None or readers[node.input[slot]] != 1:
                continue
            if _fold(graph, before, node, other, constants):
                makers[node.output[0]] = before
                break


def _fold(
    graph: onnx.GraphProto,
    convolution: onnx.NodeProto,
    node: onnx.NodeProto,
    other: onnx.TensorProto,
    constants: dict[str, onnx.TensorProto],
) -> bool:
    """Folds one node, if it is one that can be; tells whether."""
    axis = CHANNEL_AXIS.get(convolution.op_type)
    if axis is None or any(name not in constants for name in convolution.input[1:]):
        return False
    if axis == 1 and number_of(convolution, "group", 1) > 1:
        return False
    weights = numpy_helper.to_array(constants[convolution.input[1]])
    channels = weights.shape[axis]
    value = _per_channel(numpy_helper.to_array(other), channels, weights.ndim)
    if value is None or value.dtype != weights.dtype:
        return False
    bias = np.zeros(channels, weights.dtype)
    if len(convolution.input) > 2:
        bias = numpy_helper.to_array(constants[convolution.input[2]])
    if node.op_type == "Mul":
        weights = weights * value.reshape([-1 if i == axis else 1 for i in range(weights.ndim)])
        bias = bias * value
    else:
        bias = bias + value
    names = [f"{node.name}/weights", f"{node.name}/bias"]
    for name, array in zip(names, (weights, bias), strict=True):
        constants[name] = numpy_helper.from_array(array, name)
        graph.initializer.append(constants[name])
    has_bias = bool(np.any(bias))
    convolution.input[1:] = names if has_bias else names[:1]
    convolution.output[0] = node.output[0]
    graph.node.remove(node)
    return True


def _per_channel(value: np.ndarray, channels: int, rank: int) -> np.ndarray | None:
    """[channels], where a constant is the same over batch and places of [batch, channels, …]."""
    if value.size == 1:
        return np.full(channels, value.ravel()[0], value.dtype)
    shape = (1,) * (rank - value.ndim) + value.shape
    if value.ndim > rank or shape[1] != channels or value.size != channels:
        return None
    return value.reshape(channels)
