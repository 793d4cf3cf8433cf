"""A model exported, asked, and looked at."""

from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime

from export import onnx_file, own_signature
from keras_models.signature import Signature


def exported(
    model: keras.Model, folder: Path, **inputs: np.ndarray
) -> tuple[list[np.ndarray], Signature, list[str]]:
    """Answers of the ONNX file for arrays by name, its signature, and its nodes' operators."""
    signature = own_signature.signature_of(model)
    onnx_file.write(signature, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    kinds = [node.op_type for node in onnx.load(folder / "model.onnx").graph.node]
    return session.run(None, inputs), signature, kinds


def kinds_of(model: keras.Model, path: Path) -> list[str]:
    """Exports a model of one input, compares, and returns the kinds of its operators."""
    signature = own_signature.signature_of(model)
    onnx_file.write(signature, path)
    shape = [n if isinstance(n, int) else 9 for n in signature.inputs[0].shape]
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    answers = onnxruntime.InferenceSession(path).run(None, {signature.inputs[0].name: x})
    expected = signature.function(**{signature.inputs[0].name: x}).values()
    for answer, one in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer, one, rtol=1e-4, atol=1e-5)
    return [node.op_type for node in onnx.load(path).graph.node]
