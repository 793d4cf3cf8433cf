"""Takes out reversals that undo each other, with nothing but turns and casts between them.

A recurrent layer that goes backwards answers from the last step to the first, and Bidirectional
turns that round; ONNX's own operators, run in reverse, answer in the order of the input already.
"""

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

from export.layouts import Makers, axes_of
from export.wiring import constants_of, makers_of, readers_of

Axes = tuple[int, ...]


def cancel(graph: onnx.GraphProto) -> None:
    """Takes out every pair of reversals of the same axes.

    Args:
        graph: changed in place; nodes that nothing reads any more stay.
    """
    constants = {
        name: numpy_helper.to_array(one)
        for name, one in constants_of(graph).items()
        if one.data_type == onnx.TensorProto.INT64
    }
    readers, makers = readers_of(graph), makers_of(graph)
    for node in graph.node:
        axes = _reversed(node, constants)
        if axes is not None:
            _cancel(node, axes, makers, readers, constants)


def _cancel(
    node: onnx.NodeProto,
    axes: Axes,
    makers: Makers,
    readers: Counter[str],
    constants: dict[str, np.ndarray],
) -> None:
    """Takes out a reversal and the one before it, if nothing else reads what is between."""
    between: list[onnx.NodeProto] = []
    before = makers.get(node.input[0])
    while before is not None and readers[before.output[0]] == 1:
        earlier = _reversed(before, constants)
        if earlier == axes:
            (between[-1] if between else node).input[0] = before.input[0]
            node.op_type = "Identity"
            del node.input[1:]
            return
        if before.op_type == "Transpose":
            axes = tuple(sorted(axes_of(before)[axis] for axis in axes))
        elif before.op_type != "Cast":
            return
        between.append(before)
        before = makers.get(before.input[0])


def _reversed(node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> Axes | None:
    """The axes that a node goes along from the last to the first; None where it does else."""
    if node.op_type != "Slice" or len(node.input) != 5:
        return None
    if any(name not in constants for name in node.input[1:]):
        return None
    starts, ends, axes, steps = (constants[name] for name in node.input[1:])
    from_last = np.all(starts == -1) and np.all(steps == -1)
    to_first = np.all(ends == np.iinfo(np.int64).min)
    known = all(axis >= 0 for axis in axes)
    return tuple(sorted(int(axis) for axis in axes)) if from_last and to_first and known else None
