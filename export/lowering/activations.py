"""Operators inside activations: `gelu` is one of ONNX's own, `celu` needs Expm1."""

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import nn

from export.lowering.later import DOMAIN
from export.lowering.marks import Context, InPlace, Marks, Node, Nodes, Replacement


def erfc(context: Context, node: Node, name: str, args: object) -> None:
    """Writes the complement of the error function as 1 - Erf."""
    nodes = InPlace(context, node)
    nodes.give("Sub", [nodes.number(1), nodes("Erf", nodes.inputs)])


def expm1(context: Context, node: Node, name: str, args: object) -> None:
    """Writes Exp - 1, which is off by at most a rounding of 1 where the input is near zero."""
    nodes = InPlace(context, node)
    nodes.give("Sub", [nodes("Exp", nodes.inputs), nodes.number(1)])


def log1p(context: Context, node: Node, name: str, args: object) -> None:
    """Writes Log of 1 + x, which is off by at most a rounding of 1 where x is near zero."""
    nodes = InPlace(context, node)
    nodes.give("Log", [nodes("Add", [*nodes.inputs, nodes.number(1)])])


def _gelu(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def gelu(x: Any, approximate: bool = True) -> Any:
        x = tf.convert_to_tensor(x)
        if x.dtype != tf.float32:
            return original(x, approximate)
        return marks.put(partial(_write_gelu, approximate), [x], [x])[0]

    return gelu


def _write_gelu(approximate: bool, nodes: Nodes, inputs: list[str]) -> list[str]:
    return [nodes("Gelu", inputs, domain=DOMAIN, approximate="tanh" if approximate else "none")]


GELU = (Replacement(nn, "gelu", _gelu),)
