"""Operators inside activations: `gelu` is one of ONNX's own, `celu` needs Expm1."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow import nn

from export.lowering.later import DOMAIN
from export.lowering.marks import Marks, Nodes, Replacement

Context = Any  # tf2onnx's graph and node, which carry no types
Node = Any


def erfc(context: Context, node: Node, name: str, args: object) -> Node:
    """Writes the complement of the error function as 1 - Erf."""
    inside = context.make_node("Erf", [node.input[0]], shapes=node.output_shapes).output[0]
    return _replaced(context, node, "Sub", lambda one: [one, inside])


def expm1(context: Context, node: Node, name: str, args: object) -> Node:
    """Writes Exp - 1, which is off by at most a rounding of 1 where the input is near zero."""
    inside = context.make_node("Exp", [node.input[0]], shapes=node.output_shapes).output[0]
    return _replaced(context, node, "Sub", lambda one: [inside, one])


def log1p(context: Context, node: Node, name: str, args: object) -> Node:
    """Writes Log of 1 + x, which is off by at most a rounding of 1 where x is near zero."""
    dtype = context.get_dtype(node.output[0])
    one = context.make_const(f"{node.name}_one", np.array(1, _numpy(dtype))).output[0]
    inside = context.make_node("Add", [node.input[0], one], shapes=node.output_shapes).output[0]
    shape = context.get_shape(node.output[0])
    context.remove_node(node.name)
    return context.make_node(
        "Log", [inside], name=node.name, outputs=node.output, shapes=[shape], dtypes=[dtype]
    )


def _gelu(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def gelu(x: Any, approximate: bool = True) -> Any:
        x = tf.convert_to_tensor(x)
        if x.dtype != tf.float32:
            return original(x, approximate)
        return marks.put(partial(_write_gelu, approximate), [x], [x])[0]

    return gelu


def _write_gelu(approximate: bool, nodes: Nodes, inputs: list[str]) -> list[str]:
    return [nodes("Gelu", inputs, domain=DOMAIN, approximate="tanh" if approximate else "none")]


def _replaced(context: Context, node: Node, operator: str, inputs: Any) -> Node:
    """Puts `operator` of the inputs and a constant one in place of the node."""
    dtype, shape = context.get_dtype(node.output[0]), context.get_shape(node.output[0])
    one = context.make_const(f"{node.name}_one", np.array(1, _numpy(dtype))).output[0]
    context.remove_node(node.name)
    return context.make_node(
        operator, inputs(one), name=node.name, outputs=node.output, shapes=[shape], dtypes=[dtype]
    )


def _numpy(dtype: int) -> np.dtype:
    from onnx import helper

    found: np.dtype = helper.tensor_dtype_to_np_dtype(dtype)
    return found


GELU = (Replacement(nn, "gelu", _gelu),)
