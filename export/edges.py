"""What lies at the edges of what a signature takes, tried where it may end the process.

ONNX Runtime 1.32 aborts on an LSTM without rows and on a GRU without steps; a Gather takes ids from
behind that Keras refuses; a Relu, a GRU and an LSTM make a number of NaN. Each edge is run in a
process made to be lost, beside Keras. What is found safe becomes the signature's limits in the
manifest, which `serving/session.py` enforces before native code sees a request.
"""

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from export.reasons import REFUSALS
from export.source import Source
from keras_models.signature import Signature, Tensor
from serving.bundle import NOT_FINITE, Edge, Manifest

Arrays = Mapping[str, np.ndarray]

LONGEST_TRIED = 64
"""A shortest length above this is not looked for."""
SAME = 1e-3
"""Share of the largest number by which an answer at an edge may differ from Keras'."""
WORST = 10.0
"""How many times its root-mean-square error a quantized graph's answer may be off as well."""


@dataclass(frozen=True, kw_only=True)
class Explored:
    """What was found of one signature.

    Attributes:
        edges: what became of each edge.
        shortest: by free dimension, the smallest length that Keras computes; 1 is left out.
        refused: by input, those of `NOT_FINITE` to which the graph does not answer as Keras.
    """

    edges: tuple[Edge, ...]
    shortest: Mapping[str, int]
    refused: Mapping[str, tuple[str, ...]]


def with_edges(manifest: Manifest, source: Source, folder: Path) -> Manifest:
    """Returns the manifest with what was found at the edges of every signature that has a graph.

    Signatures whose inputs are made in a way of their own have their limits from who made them.
    """
    described, found = [], list[Edge]()
    for own, one in zip(source.signatures, manifest.signatures, strict=True):
        if one.onnx is not None and own.cases is None:
            examples = own.examples(source.examples) if own.examples else source.examples
            same = SAME + (WORST * one.quantized.error if one.quantized else 0.0)
            explored = explore(own, folder / one.onnx, examples, same=same)
            found += explored.edges
            inputs = tuple(
                dataclasses.replace(tensor, refused=explored.refused.get(tensor.name, ()))
                for tensor in one.inputs
            )
            one = dataclasses.replace(one, inputs=inputs, shortest=dict(explored.shortest))
        described.append(one)
    return dataclasses.replace(manifest, signatures=tuple(described), edges=tuple(found))


def explore(signature: Signature, graph: Path, examples: Arrays, *, same: float = SAME) -> Explored:
    """Tries a signature's edges in Keras and in ONNX Runtime.

    Args:
        signature: what is tried; its function is Keras' answer.
        graph: its ONNX file.
        examples: inputs that it computes, the first axis is the sample.
        same: share of the largest number by which an answer may differ from Keras'.
    """
    keras = _Keras(signature)
    shortest = _shortest(keras, signature, examples)
    cases = _cases(signature, examples)
    answers = _run(graph, cases)
    limited = {tensor.name for tensor in signature.inputs if tensor.minimum is not None}
    edges, refused = [], dict[str, tuple[str, ...]]()
    for name, inputs in cases.items():
        outcome = _outcome(keras(inputs), answers[name], same)
        tensor, _, number = name.partition(": ")
        is_refused = not number or tensor in limited  # of no length, or beyond the limits
        if number in NOT_FINITE and not is_refused and outcome != AS_KERAS:
            refused[tensor] = (*refused.get(tensor, ()), number)
            is_refused = True
        edges.append(
            Edge(signature=signature.name, case=name, outcome=outcome, is_refused=is_refused)
        )
    return Explored(edges=tuple(edges), shortest=shortest, refused=refused)


AS_KERAS = "as Keras"


class _Keras:
    """Keras' answers, None where it refuses; traced once, as `predict` does it."""

    def __init__(self, signature: Signature) -> None:
        self._names = [tensor.name for tensor in signature.outputs]
        self._function = tf.function(signature.function)

    def __call__(self, inputs: Arrays) -> dict[str, np.ndarray] | None:
        try:
            answers = self._function(**{name: tf.constant(v) for name, v in inputs.items()})
        except REFUSALS:
            return None
        return {name: np.asarray(answers[name]) for name in self._names}


def _shortest(keras: _Keras, signature: Signature, examples: Arrays) -> dict[str, int]:
    """Finds, for each free dimension but the batch, the smallest length that Keras computes."""
    found = {}
    for dimension in _free(signature):
        length = _length(signature, examples, dimension)
        low, high = 0, min(length, LONGEST_TRIED)  # 0 is never run; `high` is known to do
        while high - low > 1:
            middle = (low + high) // 2
            cut = _cut(signature, examples, {dimension: middle, "batch": 1})
            low, high = (low, middle) if keras(cut) is not None else (middle, high)
        if high > 1:
            found[dimension] = high
    return found


def _free(signature: Signature) -> list[str]:
    found = [d for t in signature.inputs for d in t.shape if isinstance(d, str)]
    return [d for d in dict.fromkeys(found) if d != "batch"]


def _length(signature: Signature, examples: Arrays, dimension: str) -> int:
    tensor = next(tensor for tensor in signature.inputs if dimension in tensor.shape)
    return int(examples[tensor.name].shape[tensor.shape.index(dimension)])


def _cut(
    signature: Signature, examples: Arrays, lengths: Mapping[str, int]
) -> dict[str, np.ndarray]:
    return {
        tensor.name: examples[tensor.name][
            tuple(
                slice(lengths.get(d)) if isinstance(d, str) else slice(None) for d in tensor.shape
            )
        ]
        for tensor in signature.inputs
    }


def _cases(signature: Signature, examples: Arrays) -> dict[str, dict[str, np.ndarray]]:
    few = _cut(signature, examples, {"batch": 3})
    dimensions = ["batch", *_free(signature)] if _has_batch(signature) else _free(signature)
    cases = {f"{d} 0": _cut(signature, examples, {"batch": 3, d: 0}) for d in dimensions}
    for tensor in signature.inputs:
        value = few[tensor.name]
        for name, number in _numbers(tensor, value.dtype).items() if value.size else ():
            changed = value.copy()
            changed.flat[[0, -1]] = number  # the first row's beginning, and the last one's end
            cases[f"{tensor.name}: {name}"] = {**few, tensor.name: changed}
    return cases


def _numbers(tensor: Tensor, dtype: np.dtype) -> dict[str, float]:
    """The numbers at the edge of what a tensor takes."""
    if dtype.kind == "f":
        return dict(zip(NOT_FINITE, (np.nan, np.inf, -np.inf), strict=True))
    outside = [
        int(limit) + beyond
        for limit, beyond in ((tensor.minimum, -1), (tensor.maximum, 1))
        if limit is not None
    ]
    held = np.iinfo(dtype) if dtype.kind in "iu" else None
    return {str(n): n for n in outside if held and held.min <= n <= held.max}


def _has_batch(signature: Signature) -> bool:
    return any("batch" in tensor.shape for tensor in signature.inputs)


def _run(graph: Path, cases: Mapping[str, Arrays]) -> dict[str, dict[str, np.ndarray] | str | None]:
    """Runs every case; a string is an error that was raised, None a process that ended."""
    left = list(cases)
    found: dict[str, dict[str, np.ndarray] | str | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        while left:
            _run_in_child(graph, {str(i): cases[name] for i, name in enumerate(left)}, folder)
            done = [name for i, name in enumerate(left) if (Path(folder) / f"{i}.begun").exists()]
            if not done:
                return found | dict.fromkeys(left)
            found |= {name: _read(Path(folder) / str(i)) for i, name in enumerate(done)}
            for path in Path(folder).iterdir():
                path.unlink()
            left = left[len(done) :]
    return found


def _run_in_child(graph: Path, cases: Mapping[str, Arrays], folder: str) -> None:
    inputs = Path(folder) / "inputs"
    with inputs.open("wb") as file:
        arrays = {f"{c}/{n}": value for c, own in cases.items() for n, value in own.items()}
        np.savez(file, **arrays)  # type: ignore[arg-type]
    subprocess.run(
        [sys.executable, "-m", "export.edge_runner", str(graph), str(inputs), folder],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )


def _read(place: Path) -> dict[str, np.ndarray] | str | None:
    if place.with_suffix(".error").exists():
        return place.with_suffix(".error").read_text()
    if not place.with_suffix(".npz").exists():
        return None
    with np.load(place.with_suffix(".npz"), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _outcome(expected: Arrays | None, actual: Arrays | str | None, same: float) -> str:
    if actual is None:
        return "ends the process"
    if isinstance(actual, str):
        return AS_KERAS if expected is None else "refused, where Keras answers"
    if expected is None:
        return "answers, where Keras refuses"
    if any(actual[name].shape != value.shape for name, value in expected.items()):
        return "answers in another shape"
    agree = [agrees(value, actual[name], same) for name, value in expected.items()]
    return AS_KERAS if all(agree) else "answers otherwise"


def agrees(expected: np.ndarray, actual: np.ndarray, same: float = SAME) -> bool:
    """Tells whether an answer at an edge is Keras', with what is not finite in the same places."""
    if expected.dtype.kind not in "f":
        return bool(np.array_equal(expected, actual))
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], actual[~finite], equal_nan=True):
        return False
    scale = np.abs(expected[finite]).max(initial=1.0)
    return bool(np.abs(expected[finite] - actual[finite]).max(initial=0.0) <= same * scale)
