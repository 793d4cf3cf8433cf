"""Tables and boundaries: which integer a number stands for, and between which bounds it lies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from onnx import helper

from export.lowering.marks import Context, Node, Nodes

ONNX_ML = "ai.onnx.ml"


def bucketize(context: Context, node: Node, name: str, args: object) -> None:
    """Writes in which interval a number lies: the boundaries, less those that it is below.

    What is no number (NaN) is below none, and so behind the last, as TensorFlow has it.
    """
    nodes, x, output = _replacing(context, node)
    boundaries = np.asarray(node.get_attr("boundaries").floats, np.float32)
    given = nodes("Cast", [x], to=_FLOAT32) if context.get_dtype(x) != _FLOAT32 else x
    below = nodes("Less", [nodes.unsqueezed(given, -1), nodes.constant(boundaries)])
    count = nodes(
        "ReduceSum", [nodes("Cast", [below], to=_INT32), nodes.constant([-1], np.int64)], keepdims=0
    )
    _give(nodes, nodes("Sub", [nodes.constant(len(boundaries), np.int32), count]), output)


class Tables:
    """The lookup tables that a traced function closes over.

    ONNX knows them as LabelEncoder, of its operators for classic machine learning.
    """

    def __init__(self, captures: Sequence[tuple[Any, Any]]) -> None:
        """Takes pairs of what is outside of the function, and its name inside."""
        self._handles: Mapping[str, Any] = {
            inside.op.name: outside for outside, inside in captures if inside.dtype == tf.resource
        }

    def lower(self, context: Context, node: Node, name: str, args: object) -> None:
        """Writes LookupTableFindV2 between integers."""
        handle = self._handles.get(node.input[0].split(":")[0])
        keys_type, values_type = (
            _tf_dtype(context, tensor) for tensor in (node.input[1], node.output[0])
        )
        if handle is None or not (keys_type.is_integer and values_type.is_integer):
            return  # stays as it is, and is named as having no equivalent
        exported = tf.raw_ops.LookupTableExportV2(
            table_handle=handle, Tkeys=keys_type, Tvalues=values_type
        )
        order = np.argsort(exported.keys.numpy())
        default = int(context.get_node_by_output(node.input[2]).get_tensor_value())
        keys = node.input[1]
        nodes, _, output = _replacing(context, node)
        found = nodes(
            "LabelEncoder",
            [nodes("Cast", [keys], to=_INT64)],
            domain=ONNX_ML,
            keys_int64s=exported.keys.numpy()[order].tolist(),
            values_int64s=exported.values.numpy()[order].tolist(),
            default_int64=default,
        )
        _give(nodes, found, output)


def _tf_dtype(context: Context, tensor: str) -> tf.DType:
    return tf.as_dtype(helper.tensor_dtype_to_np_dtype(context.get_dtype(tensor)))


def _replacing(context: Context, node: Node) -> tuple[Nodes, str, tuple[str, Any, Any]]:
    """Takes a node away; returns what to write others with, its input, and what it gave."""
    output = (node.output[0], context.get_shape(node.output[0]), context.get_dtype(node.output[0]))
    context.remove_node(node.name)
    return Nodes(context, node.name), node.input[0], output


def _give(nodes: Nodes, made: str, output: tuple[str, Any, Any]) -> None:
    name, shape, dtype = output
    nodes.context.make_node(
        "Cast", [made], outputs=[name], shapes=[shape], dtypes=[dtype], attr={"to": dtype}
    )


_FLOAT32, _INT32, _INT64 = 1, 6, 7
"""ONNX's numbers for the types."""
