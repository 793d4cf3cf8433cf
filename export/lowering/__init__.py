"""TensorFlow operators that tf2onnx does not know, written as ONNX nodes: one function for each."""

from export.lowering.activations import erfc, expm1

LOWERINGS = {"Erfc": erfc, "Expm1": expm1}
"""By TensorFlow's operator, what writes right ONNX nodes; handed to tf2onnx."""
