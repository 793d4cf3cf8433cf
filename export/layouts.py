"""Fewer turns of tensors: paddings join the convolution after them; turns that undo others go.

A causal convolution and a residual network pad before they convolve. Between the two stands the
turn of channels to the front, past which tf2onnx brings no padding; and what both ways of a
residual need is turned forth and back for each.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from export.wiring import constants_of, makers_of

Makers = dict[str, onnx.NodeProto]


def simplify(graph: onnx.GraphProto) -> None:
    """Takes out turns and reshapes that are not needed.

    Args:
        graph: changed in place; nodes that nothing reads any more stay, and are out of order.
    """
    constants, makers = constants_of(graph), makers_of(graph)
    turns: dict[tuple[str, tuple[int, ...]], str] = {}
    for node in list(graph.node):
        if node.op_type == "Transpose":
            _shorten(node, makers, turns)
        elif node.op_type == "Reshape":
            _reshape_once(node, makers, constants)


def join_paddings(graph: onnx.GraphProto) -> None:
    """Lets convolutions pad with zeros by themselves what was padded before them.

    Args:
        graph: in order, and changed in place; nodes that nothing reads any more stay.
    """
    constants, makers = constants_of(graph), makers_of(graph)
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Conv":
            nodes.extend(_join_padding(node, makers, constants))
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _join_padding(
    convolution: onnx.NodeProto,
    makers: Makers,
    constants: dict[str, onnx.TensorProto],
) -> list[onnx.NodeProto]:
    """Lets a convolution pad what was padded before it, or before its turn; returns its turn."""
    before = makers.get(convolution.input[0])
    turn = before if before is not None and before.op_type == "Transpose" else None
    padding = makers.get(turn.input[0]) if turn is not None else before
    pads = None if padding is None else _zeros_around(padding, constants)
    auto = next((one.s for one in convolution.attribute if one.name == "auto_pad"), b"NOTSET")
    if padding is None or pads is None or auto != b"NOTSET":
        return []
    rank = len(pads) // 2
    order = list(range(rank)) if turn is None else axes_of(turn)
    begins, ends = ([half[axis] for axis in order] for half in (pads[:rank], pads[rank:]))
    if any(begins[:2] + ends[:2]):
        return []
    added = np.array([*begins[2:], *ends[2:]])
    own = next((one for one in convolution.attribute if one.name == "pads"), None)
    if own is not None:
        added += np.array(own.ints)
        convolution.attribute.remove(own)
    convolution.attribute.append(helper.make_attribute("pads", [int(one) for one in added]))
    convolution.input[0] = padding.input[0]
    if turn is None:
        return []
    name = convolution.input[0] = f"{convolution.output[0]}/unpadded"
    return [helper.make_node("Transpose", [padding.input[0]], [name], name=name, perm=order)]


def _zeros_around(
    node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]
) -> Sequence[int] | None:
    """How many zeros a node puts before and after each axis; None where it does something else."""
    mode = next((one.s for one in node.attribute if one.name == "mode"), b"constant")
    if node.op_type != "Pad" or mode != b"constant" or any(node.input[3:]):
        return None
    if len(node.input) > 2 and node.input[2]:
        value = constants.get(node.input[2])
        if value is None or np.any(numpy_helper.to_array(value)):
            return None
    if node.input[1] not in constants:
        return None
    pads: list[int] = numpy_helper.to_array(constants[node.input[1]]).tolist()
    return None if min(pads, default=-1) < 0 else pads


def _shorten(
    node: onnx.NodeProto, makers: Makers, turns: dict[tuple[str, tuple[int, ...]], str]
) -> None:
    """Turns what was turned before at once, or not at all, or takes what was turned so already."""
    order = axes_of(node)
    while (before := makers.get(node.input[0])) is not None and before.op_type == "Transpose":
        order = [axes_of(before)[axis] for axis in order]
        node.input[0] = before.input[0]
    same = turns.setdefault((node.input[0], tuple(order)), node.output[0])
    del node.attribute[:]
    if same != node.output[0]:
        node.input[0] = same
    elif order != sorted(order):
        node.attribute.append(helper.make_attribute("perm", order))
        return
    node.op_type = "Identity"


def _reshape_once(
    node: onnx.NodeProto, makers: Makers, constants: dict[str, onnx.TensorProto]
) -> None:
    """Reshapes what was reshaped before as it was, unless the shape copies a length from it."""
    if node.input[1] not in constants or 0 in numpy_helper.to_array(constants[node.input[1]]):
        return
    while (before := makers.get(node.input[0])) is not None and before.op_type == "Reshape":
        node.input[0] = before.input[0]


def axes_of(turn: onnx.NodeProto) -> list[int]:
    """Returns the axes of a Transpose, in the order of its answer."""
    found = next((list(one.ints) for one in turn.attribute if one.name == "perm"), None)
    if found is None:
        raise ValueError(f"{turn.name} does not say how it turns")
    return found
