"""Which layer is the first whose ONNX answer is not Keras': the answer to a proof that failed."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import tensorflow as tf

from export import onnx_file, own_signature
from keras_models.errors import BadInput
from serving import golden


def first_divergence(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> str:
    """Returns a sentence that names the first layer whose output differs, and by how much.

    Args:
        model: functional or sequential.
        inputs: by name, some samples.
    """
    layers = _layers(model)
    if not layers:
        return f"{model.name} is no functional model, so its layers cannot be looked at one by one"
    for name, tensor in layers:
        part = keras.Model(model._inputs_struct, tensor)
        try:
            error = _error(part, inputs)
        except BadInput as refusal:
            return f"the first layer that ONNX cannot express is {name}: {refusal}"
        if error > own_signature.signature_of(part).tolerance:
            return f"the first layer that differs is {name}: by {error:.2g} of the spread"
    return "no single layer differs: the error grows over all of them"


def _layers(model: keras.Model) -> list[tuple[str, keras.KerasTensor]]:
    """Every operation of the model with its first output, in the order of computation."""
    found = []
    for nodes in (
        getattr(model, "_nodes_by_depth", None)
        and sorted(model._nodes_by_depth.items(), reverse=True)
    ) or ():
        for node in nodes[1]:
            if not node.is_input:
                found.append((node.operation.name, node.outputs[0]))
    return found


def _error(part: keras.Model, inputs: Mapping[str, np.ndarray]) -> float:
    signature = own_signature.signature_of(part)
    answers = tf.function(signature.function)(**{k: tf.constant(v) for k, v in inputs.items()})
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "part.onnx"
        onnx_file.write(signature, path)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        needed = {one.name for one in session.get_inputs()}
        got = session.run(None, {name: inputs[name] for name in inputs if name in needed})
    worst = 0.0
    for tensor, actual in zip(signature.outputs, got, strict=True):
        expected = np.asarray(answers[tensor.name])
        if expected.shape != actual.shape:
            return float("inf")
        difference = np.abs(np.float64(expected) - np.float64(actual)).max(initial=0.0)
        scale = max(golden.spread_of([expected]), float(np.abs(expected).max(initial=0.0)))
        worst = max(worst, float(difference / (scale or 1.0)))
    return worst
