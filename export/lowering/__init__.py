"""What tf2onnx gets wrong, does not know, or makes slow: written as ONNX nodes by our own hands.

Two ways lead in. `LOWERINGS`: for an operator of TensorFlow, a function that writes its nodes.
`REPLACEMENTS`: functions of Keras that are kept whole while a model is traced (`marks.py`).
"""

from export.lowering import (
    attention,
    bessel,
    cholesky,
    complex_numbers,
    convolution,
    convolutional_memory,
    cumulative,
    elimination,
    gathering,
    hashing,
    lookup,
    normalization,
    patches,
    pooling,
    products,
    recurrent,
    resizing,
    scanning,
    selection,
    spectral,
    time_distributed,
    updating,
    warping,
    windows,
)
from export.lowering.activations import GELU, erfc, expm1, log1p
from export.lowering.addition import add
from export.lowering.bits import bitcast
from export.lowering.colors import hsv_to_rgb, rgb_to_hsv
from export.lowering.marks import Replacement
from export.lowering.quantile import erfinv, ndtri
from export.lowering.remainders import floor_div, floor_mod
from export.lowering.selection import where
from export.lowering.slicing import reverse, strided_slice
from export.lowering.vectors import broadcast_args, cross

LOWERINGS = {
    "Add": add,
    "AddV2": add,
    "Bitcast": bitcast,
    "BroadcastArgs": broadcast_args,
    "Bucketize": lookup.bucketize,
    "Cross": cross,
    "Erfc": erfc,
    "Erfinv": erfinv,
    "Expm1": expm1,
    "FloorDiv": floor_div,
    "FloorMod": floor_mod,
    "HSVToRGB": hsv_to_rgb,
    "Log1p": log1p,
    "LowerBound": lookup.lower_bound,
    "Ndtri": ndtri,
    "RGBToHSV": rgb_to_hsv,
    "ReverseV2": reverse,
    "SelectV2": where,
    "StridedSlice": strided_slice,
    "UpperBound": lookup.upper_bound,
}
"""By TensorFlow's operator, what writes right ONNX nodes; handed to tf2onnx."""

REPLACEMENTS = (
    *bessel.REPLACEMENTS,
    *cholesky.REPLACEMENTS,
    *complex_numbers.REPLACEMENTS,
    *convolution.REPLACEMENTS,
    *convolutional_memory.REPLACEMENTS,
    *cumulative.REPLACEMENTS,
    *elimination.REPLACEMENTS,
    *gathering.REPLACEMENTS,
    *hashing.REPLACEMENTS,
    *lookup.REPLACEMENTS,
    *normalization.LAYER,
    *patches.REPLACEMENTS,
    *pooling.REPLACEMENTS,
    *products.REPLACEMENTS,
    *recurrent.REPLACEMENTS,
    *resizing.REPLACEMENTS,
    *scanning.REPLACEMENTS,
    *selection.REPLACEMENTS,
    *spectral.REPLACEMENTS,
    *time_distributed.REPLACEMENTS,
    *updating.REPLACEMENTS,
    *warping.REPLACEMENTS,
    *windows.REPLACEMENTS,
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
