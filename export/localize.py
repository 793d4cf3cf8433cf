"""Which layer is the first whose ONNX answer is not Keras': the answer to a proof that failed.

The answers of all layers become outputs of one graph, those of layers inside of models, and of
layers that a model calls in Python, too.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import tensorflow as tf

from export import onnx_file, own_signature
from export.lowering import replacements
from export.lowering.marks import Marks, Replacement
from export.origins import described
from keras_models.errors import BadInput
from keras_models.signature import Signature, Tensor
from serving import golden

Arrays = Mapping[str, np.ndarray]


def first_divergence(model: keras.Model, inputs: Arrays) -> str:
    """Returns a sentence that names the first layer whose output differs, and by how much.

    Args:
        model: of any kind.
        inputs: by name, some samples.
    """
    signature = own_signature.signature_of(model)
    watched = _Watched(signature)
    answers = tf.function(watched.function)(**{k: tf.constant(v) for k, v in inputs.items()})
    expected = {name: np.asarray(value) for name, value in answers.items()}
    tensors = watched.tensors()
    with Marks().tracing(replacements(onnx_file.OPSET)):
        specs = {tensor.name: onnx_file.tensor_spec(tensor) for tensor in signature.inputs}
        tf.function(watched.function).get_concrete_function(**specs)
    known = {tensor.name for tensor in watched.tensors()}
    tensors = [tensor for tensor in tensors if tensor.name in known]
    # With every answer an output, operators are not fused; so if all agree, each is tried alone.
    for together in (tensors, *([tensor] for tensor in tensors)):
        try:
            actual = _run(watched, together, inputs)
        except BadInput as refusal:
            return f"its layers cannot be compared: {refusal}"
        for tensor in together:
            error = _error(expected[tensor.name], actual[tensor.name])
            if error > signature.tolerance:
                name = watched.layers[tensor.name]
                return f"the first layer that differs is {name}: by {error:.2g} of the spread"
    return "no single layer differs: the error grows over all of them"


class _Watched:
    """A signature's function that gives the answers of all layers, in the order of their end.

    Attributes:
        signature: whose function it is.
        layers: by the answer's name, the layer that gave it.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.layers: dict[str, str] = {}
        self._found: dict[str, tf.Tensor] = {}
        self._chain: list[keras.Operation] = []

    def function(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Calls the signature's; what is computed in a loop is left out."""
        self._found, self._chain = {}, []
        with Marks().replaced((Replacement(keras.Operation, "__call__", self._watching),)):
            self.signature.function(**inputs)
        return dict(self._found)

    def tensors(self) -> list[Tensor]:
        """The last call's answers, as outputs of a signature."""
        return [
            Tensor(
                name=name,
                dtype=value.dtype.name,
                shape=tuple(
                    f"{name}_{axis}" if length is None else length
                    for axis, length in enumerate(value.shape)
                ),
            )
            for name, value in self._found.items()
        ]

    def _watching(self, marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
        graph, calls = tf.compat.v1.get_default_graph(), dict[str, int]()

        def call(layer: keras.Operation, *arguments: Any, **named: Any) -> Any:
            self._chain.append(layer)
            try:
                answer = original(layer, *arguments, **named)
                name = described(self._chain)
            finally:
                self._chain.pop()
            calls[name] = calls.get(name, 0) + 1
            for position, one in enumerate(keras.tree.flatten(answer)):
                self._keep(f"{name}/{calls[name]}/{position}", name, one, graph)
            return answer

        return call

    def _keep(self, call: str, layer: str, value: Any, graph: tf.Graph) -> None:
        if not isinstance(value, tf.Tensor) or value.graph is not graph:
            return
        if value.dtype == tf.bfloat16:
            value = tf.cast(value, tf.float32)
        name = own_signature.plain(call, "answer")
        self.layers[name], self._found[name] = layer, value


def _run(watched: _Watched, tensors: Sequence[Tensor], inputs: Arrays) -> dict[str, np.ndarray]:
    """Answers of ONNX Runtime."""
    signature = dataclasses.replace(
        watched.signature, function=watched.function, outputs=tuple(tensors)
    )
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "layers.onnx"
        onnx_file.write(signature, path)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        needed = {one.name for one in session.get_inputs()}
        got = session.run(None, {name: inputs[name] for name in inputs if name in needed})
    return dict(zip([tensor.name for tensor in tensors], got, strict=True))


def _error(expected: np.ndarray, actual: np.ndarray) -> float:
    if expected.shape != actual.shape:
        return float("inf")
    expected, actual = expected.astype(np.float64), actual.astype(np.float64)
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(actual)):
        return float("inf")
    difference = np.abs(expected[finite] - actual[finite]).max(initial=0.0)
    scale = max(golden.spread_of([expected]), float(np.abs(expected[finite]).max(initial=0.0)))
    return float(difference / (scale or 1.0))
