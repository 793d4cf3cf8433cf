"""Slices with new axes beside an ellipsis, and from the last to the first.

tf2onnx counts an ellipsis that stands for no axis as one (`x[..., None, :]` of a vector), and
knows no slice of a scalar. What is reversed it gives to ReverseSequence, with lengths that are
computed at every call.
"""

from dataclasses import dataclass, field

import numpy as np
from tf2onnx.onnx_opset.tensor import ReverseV2, StridedSlice

from export.lowering.marks import Context, InPlace, Node

FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def strided_slice(context: Context, node: Node, name: str, args: object) -> None:
    """Writes StridedSlice; what tf2onnx has right is left to it."""
    shape = context.get_shape(node.input[0])
    is_known = shape is not None and all(context.is_const(one) for one in node.input[1:])
    new, ellipsis = (_bits(node, one) for one in ("new_axis_mask", "ellipsis_mask"))
    if not is_known or not new or (shape and not ellipsis):
        StridedSlice.version_13(context, node)
        return
    plan = _planned(context, node, len(shape))
    nodes = InPlace(context, node)
    found = nodes.inputs[0]
    if plan.axes:
        bounds = (plan.starts, plan.ends, plan.axes, plan.steps)
        found = nodes("Slice", [found, *(nodes.constant(one, np.int64) for one in bounds)])
    if plan.dropped:
        found = nodes("Squeeze", [found, nodes.constant(plan.dropped, np.int64)])
    nodes.give("Unsqueeze", [found, nodes.constant(plan.added, np.int64)])


def reverse(context: Context, node: Node, name: str, args: object) -> None:
    """Writes ReverseV2 as one Slice of steps of -1."""
    shape = context.get_shape(node.input[0])
    if shape is None or not context.is_const(node.input[1]):
        ReverseV2.version_10(context, node)
        return
    given = np.ravel(context.get_tensor_value(node.input[1], as_list=False))
    axes = sorted(int(axis) % len(shape) for axis in given)
    nodes = InPlace(context, node)
    x = nodes.inputs[0]
    nodes.give("Identity", [nodes.reversed(x, *axes) if axes else x])


@dataclass
class _Plan:
    """What is sliced, which axes are dropped then, and which of the answer's are new."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    axes: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)


def _planned(context: Context, node: Node, rank: int) -> _Plan:
    new, ellipsis, shrunk, from_first, to_last = (
        _bits(node, f"{one}_mask")
        for one in ("new_axis", "ellipsis", "shrink_axis", "begin", "end")
    )
    bounds = [np.ravel(context.get_tensor_value(one, as_list=False)) for one in node.input[1:]]
    taken = sum(not (new | ellipsis) >> i & 1 for i in range(len(bounds[0])))
    plan, axis, place = _Plan(), 0, 0
    for i, (start, end, step) in enumerate(zip(*bounds, strict=True)):
        if ellipsis >> i & 1:
            axis, place = axis + rank - taken, place + rank - taken
        elif new >> i & 1:
            plan.added.append(place)
            place += 1
        else:
            plan.axes.append(axis)
            if shrunk >> i & 1:
                start, end, step = start, (start + 1 if start != -1 else LAST), 1
                plan.dropped.append(axis)
            else:
                start = (0 if step > 0 else LAST) if from_first >> i & 1 else start
                end = (LAST if step > 0 else FIRST) if to_last >> i & 1 else end
                place += 1
            plan.starts.append(int(start))
            plan.ends.append(int(end))
            plan.steps.append(int(step))
            axis += 1
    return plan


def _bits(node: Node, name: str) -> int:
    found = node.get_attr(name)
    return int(found.i) if found is not None else 0
