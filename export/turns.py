"""Turns of tensors that sink past what is computed until they meet their opposites.

Convolutions have channels in front, Keras has them last, and so there is a turn to each side of
every convolution. tf2onnx moves them together past what it knows; past squeeze and excitation, say,
or attention over channels, it does not. Here a turn sinks past every node that computes each number
by itself, and past what sums, joins, splits, cuts, pads, repeats or resizes along axes, wherever an
opposite turn comes after it; `layouts.py` then takes out both.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from export.canonical import Lengths
from export.layouts import axes_of
from export.wiring import constants_of, number_of

Order = tuple[int, ...]
"""For each axis of what was turned, which axis it was before."""

# fmt: off
EACH_BY_ITSELF = frozenset({
    "Abs", "Add", "And", "Cast", "Ceil", "Celu", "Clip", "Cos", "Div", "Elu", "Equal", "Erf", "Exp",
    "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "LeakyRelu", "Less",
    "LessOrEqual", "Log", "Max", "Min", "Mish", "Mul", "Neg", "Not", "Or", "PRelu", "Pow",
    "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt",
    "Sub", "Sum", "Tanh", "ThresholdedRelu", "Where",
})
# fmt: on
"""Operators of ONNX that broadcast, and give for each place what is at this place."""
ALONG_AN_AXIS = frozenset({"Concat", "LogSoftmax", "Softmax", "Split"})
FOR_EACH_AXIS = {"Pad": (1,), "Resize": (2, 3), "Tile": (1,)}
"""Which of their inputs have a number, or two, for each axis."""


def sink(graph: onnx.GraphProto, lengths: Lengths) -> None:
    """Moves turns towards the outputs.

    Args:
        graph: in order, and changed in place; nodes that nothing reads any more stay.
        lengths: of its tensors; those of new ones are added.
    """
    turns = {tuple(axes_of(node)) for node in graph.node if node.op_type == "Transpose"}
    for order in sorted(turns):
        if list(order) != sorted(order):
            _Sinking(graph, lengths, order).sink()


class _Sinking:
    """Moves the turns of one order."""

    def __init__(self, graph: onnx.GraphProto, lengths: Lengths, order: Order) -> None:
        self._graph, self._lengths, self._order = graph, lengths, order
        self._constants = constants_of(graph)
        self._reshapes = {
            node.output[0]: node.input[0] for node in graph.node if node.op_type == "Reshape"
        }
        self._unturned: dict[str, str] = {}
        self._made: dict[str, str] = {}

    def sink(self) -> None:
        """Goes from the inputs to the outputs."""
        wanted = self._wanted()
        nodes = list(self._graph.node)
        del self._graph.node[:]
        for node in nodes:
            after = []
            if self._is_a_turn(node):
                self._unturned[node.output[0]] = node.input[0]
            elif (
                any(one in self._unturned for one in node.input)
                and self._is_kept_by(node)
                and (node.op_type.startswith("Reduce") or wanted & set(node.output))
            ):
                after = self._sunk(node)
            self._graph.node.extend([node, *after])

    def _wanted(self) -> set[str]:
        """Tensors that are turned back after them, with nothing but what keeps a turn between."""
        opposite = tuple(int(one) for one in np.argsort(self._order))
        wanted: set[str] = set()
        for node in reversed(self._graph.node):
            is_opposite = node.op_type == "Transpose" and tuple(axes_of(node)) == opposite
            is_between = self._is_kept_by(node) and (
                node.op_type.startswith("Reduce") or bool(wanted & set(node.output))
            )
            if is_opposite or is_between:
                wanted.update(node.input)
        return wanted

    def _is_kept_by(self, node: onnx.NodeProto) -> bool:
        """Tells whether a node does the same to what is not turned, but for its axes."""
        if node.op_type.startswith("Reduce"):
            axes = self._axes(node)
            if not axes:
                return False
            left = [place for axis, place in enumerate(self._order) if axis not in axes]
            return bool(number_of(node, "keepdims", 1)) or left == sorted(left)
        if node.op_type == "Slice":
            return bool(self._axes(node, 3))
        if node.op_type in FOR_EACH_AXIS:
            names_axes = node.input[1] if node.op_type == "Resize" else any(node.input[3:])
            return not names_axes and all(one.name != "axes" for one in node.attribute)
        return node.op_type in EACH_BY_ITSELF or node.op_type in ALONG_AN_AXIS

    def _axes(self, node: onnx.NodeProto, slot: int = 1) -> list[int]:
        """The axes that an input names; none if they are not known, or not named."""
        if len(node.input) <= slot or node.input[slot] not in self._constants:
            return []
        axes = numpy_helper.to_array(self._constants[node.input[slot]]).tolist()
        return [one % len(self._order) for one in axes]

    def _sunk(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Lets a node read what is not turned, if it can; returns what turns its answer then."""
        if node.op_type.startswith("Reduce"):
            axes = np.array(sorted(self._order[axis] for axis in self._axes(node)), np.int64)
            node.input[:] = [self._unturned[node.input[0]], self._constant(axes)]
            return self._turned(node) if number_of(node, "keepdims", 1) else []
        if node.op_type in {"Slice", "Split", *FOR_EACH_AXIS}:
            return self._moved(node)
        inputs = [self._not_turned(one, node.op_type == "Concat") for one in node.input]
        if any(one is None for one in inputs):
            return []
        node.input[:] = [one for one in inputs if one is not None]
        self._name_axis(node)
        return self._turned(node)

    def _moved(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Lets a node read what is not turned, with its other inputs in the order of that."""
        node.input[0] = self._unturned[node.input[0]]
        if node.op_type == "Slice":
            before = numpy_helper.to_array(self._constants[node.input[3]])
            axes = [self._order[axis] for axis in self._axes(node, 3)]
            node.input[3] = self._constant(np.array(axes, before.dtype))
        for slot in FOR_EACH_AXIS.get(node.op_type, ()):
            if len(node.input) > slot and node.input[slot]:
                node.input[slot] = self._in_order(node.input[slot], node.op_type == "Pad")
        self._name_axis(node)
        return self._turned(node)

    def _in_order(self, name: str, are_two: bool) -> str:
        """Numbers for each axis, or two, in the order of what is not turned."""
        places = np.argsort(self._order)
        if are_two:
            places = np.concatenate([places, places + len(places)])
        if name in self._constants:
            return self._constant(numpy_helper.to_array(self._constants[name])[places])
        inputs = [name, self._constant(places.astype(np.int64))]
        picked = f"{name}/{inputs[1]}"
        self._graph.node.append(helper.make_node("Gather", inputs, [picked], name=picked, axis=0))
        return picked

    def _name_axis(self, node: onnx.NodeProto) -> None:
        if node.op_type in ALONG_AN_AXIS:
            default = 0 if node.op_type == "Split" else -1
            axis = self._order[number_of(node, "axis", default) % len(self._order)]
            kept = [one for one in node.attribute if one.name != "axis"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("axis", axis)])

    def _not_turned(self, name: str, is_joined: bool) -> str | None:
        """The name of a tensor that would be this one if it were turned; None if there is none."""
        if name in self._unturned:
            return self._unturned[name]
        rank = len(self._order)
        if name in self._constants:
            array = numpy_helper.to_array(self._constants[name])
            if array.ndim == 0 and not is_joined:
                return name
            if array.ndim > rank or (is_joined and array.ndim < rank):
                return None
            array = array.reshape((1,) * (rank - array.ndim) + array.shape)
            return self._constant(np.transpose(array, np.argsort(self._order)))
        given = self._lengths.get(name) if name else []
        if given == [] and not is_joined:
            return name
        if given is None or len(given) > rank or (is_joined and len(given) < rank):
            return None
        shape = self._reshaped([1] * (rank - len(given)) + given)
        if shape is None:
            return None
        before = self._reshapes.get(name)
        is_back = before is not None and self._lengths.get(before) == shape
        return before if is_back else self._reshape(name, shape)

    def _is_a_turn(self, node: onnx.NodeProto) -> bool:
        """Tells whether a node turns in this order; so does a Reshape that moves only ones."""
        if node.op_type != "Reshape":
            return node.op_type == "Transpose" and tuple(axes_of(node)) == self._order
        before, after = (self._lengths.get(one) for one in (node.input[0], node.output[0]))
        if before is None or after is None or len(after) != len(self._order):
            return False
        return self._reshaped(after) == before

    def _reshaped(self, turned: Sequence[int]) -> list[int] | None:
        """The shape before the turn, where nothing else but ones stands elsewhere then."""
        places = [place for place, n in zip(self._order, turned, strict=True) if n != 1]
        if places != sorted(places) or list(turned).count(-1) > 1 or 0 in turned:
            return None
        return [turned[axis] for axis in np.argsort(self._order)]

    def _turned(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """What gives a node's answers turned, under the names that they had."""
        return [self._turned_one(node, place) for place in range(len(node.output))]

    def _turned_one(self, node: onnx.NodeProto, place: int) -> onnx.NodeProto:
        name = node.output[place]
        inside = node.output[place] = self._unturned[name] = f"{name}/unturned"
        given = self._lengths.get(name)
        if given is not None:
            self._lengths[inside] = [given[axis] for axis in np.argsort(self._order)]
        if given is not None and self._reshaped(given):
            shape = self._constant(np.array(given, np.int64))
            return helper.make_node("Reshape", [inside, shape], [name], name=name)
        return helper.make_node("Transpose", [inside], [name], name=name, perm=self._order)

    def _reshape(self, name: str, shape: Sequence[int]) -> str:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = f"{name}/{self._order}"
            self._lengths[made] = list(shape)
            inputs = [name, self._constant(np.array(shape, np.int64))]
            self._graph.node.append(helper.make_node("Reshape", inputs, [made], name=made))
        return made

    def _constant(self, array: np.ndarray) -> str:
        name = f"turns/{len(self._graph.initializer)}"
        self._graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name
