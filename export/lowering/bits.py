"""The bits of a number taken for another one: of integers of one size only.

ONNX has no operator for the bits of anything else before its set 26, which no graph is in.
"""

import numpy as np
from onnx import helper

from export.lowering.marks import Context, InPlace, Node


def bitcast(context: Context, node: Node, name: str, args: object) -> None:
    """Writes Bitcast between integers, or of any type to itself; others stay, to be refused."""
    types = [_type(context, tensor) for tensor in (node.input[0], node.output[0])]
    are_integers = all(np.issubdtype(one, np.integer) for one in types)
    if types[0] == types[1] or (are_integers and types[0].itemsize == types[1].itemsize):
        nodes = InPlace(context, node)
        nodes.give("Cast", nodes.inputs, to=nodes.dtype)


def _type(context: Context, tensor: str) -> np.dtype:
    found: np.dtype = helper.tensor_dtype_to_np_dtype(context.get_dtype(tensor))
    return found
