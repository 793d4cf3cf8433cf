"""A graph that computes in bfloat16, made one that computes in float32.

Few of ONNX's operators take bfloat16, fewer of ONNX Runtime's on a CPU, and tf2onnx writes float16
in its place where it casts. float32 holds every number of it, so a widened graph rounds less than
Keras does, and nowhere more.
"""

import numpy as np
import onnx
import tensorflow as tf
from onnx import TensorProto, numpy_helper

NARROW = (TensorProto.BFLOAT16, TensorProto.FLOAT16)
TYPES = ("to", "dtype")
"""Attributes that name a type by its number."""


def computes_in_bfloat16(traced: tf.Graph) -> bool:
    """Tells whether anything in a traced function is bfloat16."""
    return any(
        tensor.dtype == tf.bfloat16
        for operation in traced.get_operations()
        for tensor in operation.outputs
    )


def widen(graph: onnx.GraphProto) -> None:
    """Makes float32 of every number of 16 bits in a graph and the bodies in it.

    Args:
        graph: changed in place.
    """
    for constant in graph.initializer:
        _widen_tensor(constant)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type in NARROW:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            _widen_attribute(attribute)


def _widen_attribute(attribute: onnx.AttributeProto) -> None:
    if attribute.name in TYPES and attribute.i in NARROW:
        attribute.i = TensorProto.FLOAT
    if attribute.type == onnx.AttributeProto.TENSOR:
        _widen_tensor(attribute.t)
    if attribute.type == onnx.AttributeProto.GRAPH:
        widen(attribute.g)


def _widen_tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_type in NARROW:
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
