"""Recurrent layers as ONNX's own operators LSTM, GRU and RNN, instead of a Loop over time.

A layer of stacked cells becomes one operator for each. A mask becomes the operators' sequence
lengths: the steps that count are moved to the front, in order, and the answers back to where
they belong; so holes in a mask are as good as an end. A cell of another kind, an activation that
ONNX does not name, and float64 keep their loop.

Source: ONNX operators LSTM (14), GRU (14), RNN (14).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from onnx import TensorProto

from export.lowering.marks import Marks, Nodes, Replacement
from export.lowering.masks import Compacted
from export.lowering.recurrent_operators import ACTIVATIONS, Native, described
from keras_models import recurrent

DTYPES = (tf.float32, tf.float16, tf.bfloat16)
"""ONNX Runtime computes all of them in float32."""


@dataclass(frozen=True)
class Scan:
    """Cells, one upon the other, over all time steps.

    Attributes:
        cells: from the input's to the output's.
        go_backwards: whether from the last step to the first; answers are in that order then.
        is_masked: whether a mask is given.
        zero_output_for_mask: whether masked steps answer zeros, not what was answered before.
        begins_at_zero: of every state, whether it is known to begin with zeros, as ONNX's
            operators do when they are given none.
    """

    cells: Sequence[Native]
    go_backwards: bool
    is_masked: bool
    zero_output_for_mask: bool
    begins_at_zero: Sequence[bool]


def _inner_loop(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def inner_loop(
        layer: keras.layers.RNN,
        sequences: tf.Tensor,
        initial_state: Any,
        mask: Any,
        training: bool = False,
    ) -> Any:
        cells = None if training else _described_all(layer, sequences)
        if cells is None:
            return original(layer, sequences, initial_state, mask, training=training)
        initial_state = initial_state if tf.nest.is_nested(initial_state) else [initial_state]
        masks = [one for one in tf.nest.flatten(mask) if one is not None]
        states = tf.nest.flatten(initial_state)
        scan = Scan(
            cells=cells,
            go_backwards=layer.go_backwards,
            is_masked=bool(masks),
            zero_output_for_mask=layer.zero_output_for_mask,
            begins_at_zero=[_is_zero(state) for state in states],
        )
        given = [sequences, *states, *(tf.cast(_flat(one), tf.bool) for one in masks[:1])]
        last, outputs, *after = marks.put(partial(_write, scan), given, _like(scan, sequences))
        return last, outputs, tf.nest.pack_sequence_as(initial_state, after)

    return inner_loop


def _carry(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what is new to what is kept, and not the other way round.

    It is the same number, and no pattern of tf2onnx, which would make an LSTM of the loop: one of
    float64, for which ONNX Runtime has none.
    """

    def carry_and_output(cell: keras.layers.LSTMCell, z: Any, c_tm1: Any) -> Any:
        i, f, g, o = z
        i, f, o = (cell.recurrent_activation(gate) for gate in (i, f, o))
        return i * cell.activation(g) + f * c_tm1, o

    return carry_and_output


def _flat(mask: tf.Tensor) -> tf.Tensor:
    return mask if mask.shape.rank == 2 else tf.squeeze(mask, -1)


def _is_zero(state: Any) -> bool:
    """Tells whether a state is zeros for however many samples there are."""
    if not tf.is_tensor(state) or tf.executing_eagerly():
        return False
    value = state.op.inputs[1] if state.op.type == "Fill" else state
    numbers = tf.get_static_value(value)
    return numbers is not None and not np.any(numbers)


def _like(scan: Scan, sequences: tf.Tensor) -> list[tf.TensorSpec]:
    batch, steps = sequences.shape[:2]
    units = scan.cells[-1].units
    shapes = [[batch, units], [batch, steps, units]]
    shapes += [[batch, cell.units] for cell in scan.cells for _ in range(cell.states)]
    return [tf.TensorSpec(shape, sequences.dtype) for shape in shapes]


def _write(scan: Scan, nodes: Nodes, inputs: list[str]) -> list[str]:
    dtype = nodes.context.get_dtype(inputs[0])
    is_float32 = dtype == TensorProto.FLOAT
    count = sum(cell.states for cell in scan.cells)
    is_zero = [False, *scan.begins_at_zero]
    x, *states = (
        "" if zero else one if is_float32 else nodes("Cast", [one], to=TensorProto.FLOAT)
        for one, zero in zip(inputs[: count + 1], is_zero, strict=True)
    )
    if scan.is_masked:
        last, outputs, after = _masked(scan, nodes, x, states, inputs[-1])
    else:
        direction = "reverse" if scan.go_backwards else "forward"
        steps, after = _stacked(scan, nodes, nodes.transposed(x, [1, 0, 2]), states, direction, "")
        last = after[-scan.cells[-1].states]
        outputs = nodes.transposed(steps, [1, 0, 2])
        if scan.go_backwards:
            outputs = nodes.reversed(outputs, 1)
    found = [last, outputs, *after]
    return found if is_float32 else [nodes("Cast", [one], to=dtype) for one in found]


def _masked(
    scan: Scan, nodes: Nodes, x: str, states: list[str], mask: str
) -> tuple[str, str, list[str]]:
    """The same over the steps that the mask lets pass, which stay in the input's order.

    Both directions of a Bidirectional so compact their input in the same way, once.
    """
    compacted = Compacted(nodes, mask)
    steps = nodes.transposed(compacted.forth(x), [1, 0, 2])
    direction = "reverse" if scan.go_backwards else "forward"
    steps, found = _stacked(scan, nodes, steps, states, direction, compacted.lengths)
    nothing = nodes.constant([0], np.float32)
    after = [
        compacted.or_where_empty(value, before or nothing)
        for value, before in zip(found, states, strict=True)
    ]
    steps = nodes.transposed(steps, [1, 0, 2])
    if scan.zero_output_for_mask:
        outputs = compacted.back_or_zeros(steps)
        last = nodes.step(outputs, 0 if scan.go_backwards else -1)
    else:
        back = compacted.back_from_last if scan.go_backwards else compacted.back
        outputs = back(steps)
        # What was answered last is the state that was left, without the way back to masked steps.
        last = compacted.or_where_empty(found[-scan.cells[-1].states], nothing)
    return last, nodes.reversed(outputs, 1) if scan.go_backwards else outputs, after


def _stacked(
    scan: Scan, nodes: Nodes, steps: str, states: list[str], direction: str, lengths: str
) -> tuple[str, list[str]]:
    """One operator upon the other, over [time, batch, features]; returns answers and states."""
    after, rest = [], list(states)
    for position, cell in enumerate(scan.cells):
        own, rest = rest[: cell.states], rest[cell.states :]
        if direction == "reverse" and position:
            raise ValueError("only one operator can run in reverse")
        steps, *kept = _operator(cell, nodes, steps, own, direction, lengths)
        after += kept
    return steps, after


def _operator(
    cell: Native, nodes: Nodes, x: str, states: list[str], direction: str, lengths: str
) -> list[str]:
    weights = [nodes.constant(one) for one in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    given = [x, *weights, lengths, *(state and nodes.unsqueezed(state, 0) for state in states)]
    while not given[-1]:
        given.pop()
    made = nodes(
        cell.operator,
        given,
        outputs=1 + cell.states,
        direction=direction,
        **_attributes(cell),
    )
    steps = nodes.squeezed(made[0], 1)  # [time, 1, batch, units]
    return [steps, *(nodes.squeezed(state, 0) for state in made[1:])]


def _attributes(cell: Native) -> dict[str, Any]:
    parts = [ACTIVATIONS[name] for name in cell.activations]
    attributes: dict[str, Any] = {
        "hidden_size": cell.units,
        "activations": [name for name, _ in parts],
        # Each function takes its numbers from the front of these lists, if it has any.
        "activation_alpha": [given[0] for _, given in parts if given] or None,
        "activation_beta": [given[1] for _, given in parts if len(given) > 1] or None,
    }
    if cell.operator == "GRU":
        attributes["linear_before_reset"] = int(cell.reset_after)
    return attributes


def _described_all(layer: keras.layers.RNN, sequences: tf.Tensor) -> list[Native] | None:
    """Returns a layer's cells in ONNX's terms, or None where ONNX has no such operator."""
    if not isinstance(sequences, tf.Tensor) or sequences.shape.rank != 3:
        return None
    stacked = type(layer.cell) is keras.layers.StackedRNNCells
    cells = layer.cell.cells if stacked else [layer.cell]
    if sequences.dtype not in DTYPES or (len(cells) > 1 and layer.go_backwards):
        return None
    found = [described(cell) for cell in cells]
    return None if None in found else [one for one in found if one is not None]


LOOPS = (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU, recurrent.Scanned)
"""The classes with a loop over time of their own."""
REPLACEMENTS = (
    *(Replacement(cls, "inner_loop", _inner_loop) for cls in LOOPS),
    Replacement(keras.layers.LSTMCell, "_compute_carry_and_output_fused", _carry),
)
