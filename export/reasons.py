"""What went wrong, in one line, out of what Keras and TensorFlow say about it in many."""

import re

import tensorflow as tf

REFUSALS = (ValueError, TypeError, tf.errors.OpError)
"""What Keras and TensorFlow raise for inputs that they do not compute."""
CODES = re.compile(r"\x1b\[\d+m")
"""Colours of a terminal."""
ARGUMENTS = "Arguments received by"
LONG = ("in user code:", "Graph execution error:")
"""How a text begins that says it at its end, after the calls that led there."""
BESIDE = (
    "Exception encountered when calling",
    "Could not automatically infer the output shape",
    "Error encountered:",
    "[[{{",
)
"""How lines begin that say where it was, or what surrounds it."""


def reason(error: BaseException | None) -> str:
    """Returns the line that says what is wrong.

    Args:
        error: that Keras, TensorFlow or tf2onnx raised.
    """
    text = CODES.sub("", str(error)).split(ARGUMENTS)[0]
    lines = [line.strip() for line in text.splitlines()]
    lines = [line.removeprefix("ValueError: ") for line in lines]
    said = [line for line in lines if line and not line.startswith(BESIDE)]
    if not said:
        return repr(error)
    if isinstance(error, KeyError):
        return f"nothing stands for {said[0]} there"
    return said[-1] if said[0].startswith(LONG) else said[0]
