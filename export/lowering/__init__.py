"""What tf2onnx gets wrong, does not know, or makes slow: written as ONNX nodes by our own hands.

Two ways lead in. `LOWERINGS`: for an operator of TensorFlow, a function that writes its nodes.
`REPLACEMENTS`: functions of Keras that are kept whole while a model is traced (`marks.py`).
"""

from export.lowering import (
    attention,
    complex_numbers,
    convolution,
    cumulative,
    lookup,
    normalization,
    patches,
    pooling,
    products,
    projection,
    recurrent,
    resizing,
    scanning,
    selection,
    spectral,
    time_distributed,
    updating,
)
from export.lowering.activations import GELU, erfc, expm1, log1p
from export.lowering.marks import Replacement
from export.lowering.selection import where
from export.lowering.vectors import broadcast_args, cross

LOWERINGS = {
    "BroadcastArgs": broadcast_args,
    "Bucketize": lookup.bucketize,
    "Cross": cross,
    "Erfc": erfc,
    "Expm1": expm1,
    "Log1p": log1p,
    "SelectV2": where,
}
"""By TensorFlow's operator, what writes right ONNX nodes; handed to tf2onnx."""

REPLACEMENTS = (
    *complex_numbers.REPLACEMENTS,
    *convolution.REPLACEMENTS,
    *cumulative.REPLACEMENTS,
    *lookup.REPLACEMENTS,
    *normalization.LAYER,
    *patches.REPLACEMENTS,
    *pooling.REPLACEMENTS,
    *products.REPLACEMENTS,
    *projection.REPLACEMENTS,
    *recurrent.REPLACEMENTS,
    *resizing.REPLACEMENTS,
    *scanning.REPLACEMENTS,
    *selection.REPLACEMENTS,
    *spectral.REPLACEMENTS,
    *time_distributed.REPLACEMENTS,
    *updating.REPLACEMENTS,
)
"""Functions that others take the place of while a model is traced."""
NEWER = {
    20: GELU,
    23: (*attention.REPLACEMENTS, *normalization.ROOT_MEAN_SQUARE),
}
"""The same, by the operator set that first has the operator."""


def replacements(opset: int) -> tuple[Replacement, ...]:
    """Returns the functions to be replaced for graphs in an operator set."""
    newer = [one for since, some in NEWER.items() if since <= opset for one in some]
    return (*REPLACEMENTS, *newer)
