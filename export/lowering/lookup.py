"""Tables and boundaries: which integer a number stands for, and between which bounds it lies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow import nn
from keras.src.utils import tf_utils
from onnx import TensorProto

from export.lowering.marks import Context, InPlace, Marks, Node, Nodes, Replacement

ONNX_ML = "ai.onnx.ml"
FIND, TYPES = "LookupTableFindV2", ("Tin", "Tout")
"""TensorFlow's operator, and its attributes with the types of keys and values."""


def bucketize(context: Context, node: Node, name: str, args: object) -> None:
    """Writes in which interval a number lies: the boundaries, less those that it is below.

    What is no number (NaN) is below none, and so behind the last, as TensorFlow has it.
    """
    boundaries = np.asarray(node.get_attr("boundaries").floats, np.float32)
    nodes = InPlace(context, node)
    (x,) = nodes.inputs
    is_float32 = context.get_dtype(x) == TensorProto.FLOAT
    given = x if is_float32 else nodes("Cast", [x], to=TensorProto.FLOAT)
    below = nodes("Less", [nodes.unsqueezed(given, -1), nodes.constant(boundaries)])
    ones = nodes("Cast", [below], to=TensorProto.INT32)
    count = nodes("ReduceSum", [ones, nodes.constant([-1], np.int64)], keepdims=0)
    behind = nodes("Sub", [nodes.constant(len(boundaries), np.int32), count])
    nodes.give("Cast", [behind], to=nodes.dtype)


def lower_bound(context: Context, node: Node, name: str, args: object) -> None:
    """Writes LowerBound: how many of a sorted sequence are below each value."""
    _bound(context, node, lambda nodes, sequence, values: nodes("Less", [sequence, values]))


def upper_bound(context: Context, node: Node, name: str, args: object) -> None:
    """Writes UpperBound: how many of a sorted sequence are not above each value."""

    def not_above(nodes: Nodes, sequence: str, values: str) -> str:
        found: str = nodes("Not", [nodes("Less", [values, sequence])])
        return found

    _bound(context, node, not_above)


def _bound(context: Context, node: Node, compared: Callable[[Nodes, str, str], str]) -> None:
    """Counts over sequences [rows, n] for values [rows, k]; gives [rows, k]."""
    nodes = InPlace(context, node)
    sequence, values = nodes.inputs
    found = compared(nodes, nodes.unsqueezed(sequence, 1), nodes.unsqueezed(values, 2))
    ones = nodes("Cast", [found], to=TensorProto.INT64)
    count = nodes("ReduceSum", [ones, nodes.constant([-1], np.int64)], keepdims=0)
    nodes.give("Cast", [count], to=nodes.dtype)


def _counted(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """Counts ids by comparing them with all: tf2onnx knows DenseBincount of one axis only."""

    def encode(inputs: Any, output_mode: str, depth: int, **settings: Any) -> Any:
        if settings.get("sparse"):
            return original(inputs, output_mode, depth, **settings)
        raise ValueError("compare")  # upon which Keras itself does

    return encode


def _one_hot(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """Makes every type of float32, the one that tf2onnx writes OneHot of."""

    def one_hot(
        x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
    ) -> Any:
        if sparse or dtype is None:
            return original(x, num_classes, axis, dtype, sparse)
        return tf.cast(original(x, num_classes, axis, "float32"), dtype)

    return one_hot


class Tables:
    """The lookup tables that a traced function closes over.

    ONNX knows them as LabelEncoder, of its operators for classic machine learning.
    """

    def __init__(self, captures: Sequence[tuple[Any, Any]]) -> None:
        """Reads tables between integers, while TensorFlow still answers at once.

        Args:
            captures: pairs of what is outside of the function, and its name inside.
        """
        closed_over = {inside.name: outside for outside, inside in captures}
        self._tables = {
            finding.inputs[0].op.name: _exported(outside, finding, closed_over)
            for outside, inside in captures
            if inside.dtype == tf.resource
            for finding in inside.consumers()
            if finding.type == FIND and all(finding.get_attr(one).is_integer for one in TYPES)
        }

    def lower(self, context: Context, node: Node, name: str, args: object) -> None:
        """Writes LookupTableFindV2 between integers."""
        table = self._tables.get(node.input[0].split(":")[0])
        if table is None:
            return  # stays as it is, and is named as having no equivalent
        nodes = InPlace(context, node)
        _, keys, _ = nodes.inputs
        found = nodes(
            "LabelEncoder",
            [nodes("Cast", [keys], to=TensorProto.INT64)],
            domain=ONNX_ML,
            **table,
        )
        nodes.give("Cast", [found], to=nodes.dtype)


def _exported(handle: Any, finding: Any, closed_over: Mapping[str, Any]) -> dict[str, Any]:
    """A table as LabelEncoder's attributes, by its keys: TensorFlow keeps them in no order."""
    keys, values = (finding.get_attr(one) for one in TYPES)
    found = tf.raw_ops.LookupTableExportV2(table_handle=handle, Tkeys=keys, Tvalues=values)
    order = np.argsort(found.keys.numpy())
    default = closed_over.get(finding.inputs[2].name, finding.inputs[2])
    return {
        "keys_int64s": found.keys.numpy()[order].tolist(),
        "values_int64s": found.values.numpy()[order].tolist(),
        "default_int64": int(tf.get_static_value(default)),
    }


REPLACEMENTS = (
    Replacement(nn, "one_hot", _one_hot),
    Replacement(tf_utils, "tf_encode_categorical_inputs", _counted),
)
