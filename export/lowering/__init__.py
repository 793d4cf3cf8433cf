"""What tf2onnx gets wrong, does not know, or makes slow: written as ONNX nodes by our own hands.

Two ways lead in. `LOWERINGS`: for an operator of TensorFlow, a function that writes its nodes.
`REPLACEMENTS`: functions of Keras that are kept whole while a model is traced (`marks.py`).
"""

from export.lowering import (
    convolution,
    pooling,
    recurrent,
    resizing,
    selection,
    time_distributed,
)
from export.lowering.activations import erfc, expm1
from export.lowering.lookup import bucketize

LOWERINGS = {"Bucketize": bucketize, "Erfc": erfc, "Expm1": expm1}
"""By TensorFlow's operator, what writes right ONNX nodes; handed to tf2onnx."""

REPLACEMENTS = (
    *convolution.REPLACEMENTS,
    *pooling.REPLACEMENTS,
    *recurrent.REPLACEMENTS,
    *resizing.REPLACEMENTS,
    *selection.REPLACEMENTS,
    *time_distributed.REPLACEMENTS,
)
"""Functions that others take the place of while a model is traced."""
