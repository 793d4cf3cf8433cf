"""Narrower numbers than Keras': smaller graphs, kept only if the task's own figure holds.

An error of a tensor says little about what it costs. So a quantized graph is held to what the
model is for: bits per character of a text generator, accuracy of a classifier, and for a model of
unknown making how much of the variance of its answers stays. Graphs with convolutions are
quantized to eight bits by ONNX Runtime's static quantizer, calibrated on examples; all others by
its dynamic one, and the weights of GRU and RNN, which it does not know, are stored as integers.
Sixteen bits: `halving.py`.

What draws (`generate`) keeps its floats: there is no figure for a drawn text.
"""

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime import quantization

from export import halving, proof_cases, quantized_figures
from export.fresh_process import answers
from export.lowering.detached import refuse_detached
from export.proof import Unproven
from export.source import Source
from keras_models.errors import BadInput
from keras_models.signature import Signature
from serving import bundle, bundle_json, golden, integrity, rough
from serving.bundle import Manifest, Proof, Quantized
from serving.golden import Case
from serving.session import Session

MOST_LOSS = {"int8": 0.01, "float16": 0.001, "bfloat16": 0.01}
"""Share of the figure that may be lost."""
MOST_CALIBRATED = 256
"""Examples that the static quantizer looks at."""
STATIC = ("Conv", "MatMul", "Gemm")
RECURRENT = ("GRU", "RNN")
LARGEST = 127

Arrays = Mapping[str, np.ndarray]


def with_numbers(
    manifest: Manifest, source: Source, folder: Path, cases: list[Case], numbers: str
) -> Manifest:
    """Puts narrower numbers into the graphs of a proven bundle, and proves them anew.

    Args:
        manifest: of the staged bundle, its float graphs proven.
        source: what was exported.
        folder: of the staged bundle; graphs are replaced.
        cases: inputs with Keras' outputs.
        numbers: `int8`, `float16` or `bfloat16`.

    Returns:
        The manifest, with the proofs of quantized graphs in place of the others.

    Raises:
        BadInput: there are no real examples to measure on, or nothing to quantize.
        Unproven: the figure is worse by more than `MOST_LOSS`; names both.
    """
    if not source.examples_are_real:
        raise BadInput(
            f"what {numbers} costs is measured on real inputs: give some with --examples x.npz"
        )
    described = [
        _quantized(one, own, source, folder, cases, numbers)
        if one.onnx is not None and own.cases is None
        else one
        for own, one in zip(source.signatures, manifest.signatures, strict=True)
    ]
    if not any(one.quantized for one in described):
        raise BadInput(f"no graph of the model would be smaller in {numbers}")
    manifest = dataclasses.replace(manifest, signatures=tuple(described))
    proofs = [proof for proof in manifest.proof if not _is_replaced(proof, manifest)]
    verdict = _verdict(manifest, folder, cases)
    if verdict.faults:
        raise Unproven("; ".join(verdict.faults[:3]))
    return dataclasses.replace(manifest, proof=(*proofs, *verdict.proofs))


def _is_replaced(proof: Proof, manifest: Manifest) -> bool:
    return proof.runtime == "onnx" and proof.signature in manifest.errors


def _verdict(manifest: Manifest, folder: Path, cases: list[Case]) -> golden.Verdict:
    """The quantized graphs in a fresh process, by the code that serves them."""
    own = [case for case in proof_cases.stored_cases(cases) if case.signature in manifest.errors]
    staged = dataclasses.replace(manifest, files=integrity.describe_all(folder))
    (folder / bundle_json.MANIFEST).write_text(bundle_json.to_text(staged), encoding="utf-8")
    run = answers("onnx", folder, own)
    return golden.judge("onnx", own, run, errors=manifest.errors, numbers=manifest.numbers)


def _quantized(
    described: bundle.Signature,
    own: Signature,
    source: Source,
    folder: Path,
    cases: list[Case],
    numbers: str,
) -> bundle.Signature:
    """Replaces one signature's graph, if there is something to win and little to lose."""
    path = folder / str(described.onnx)
    refuse_detached(path)
    before = path.read_bytes()
    real = [c for c in cases if c.signature == own.name and c.name.startswith("real")]
    examples = max((case.inputs for case in real), key=_samples)
    method = _write(path, examples) if numbers == "int8" else halving.WRITERS[numbers](path)
    if len(path.read_bytes()) >= len(before):
        path.write_bytes(before)
        return described
    method_only = Quantized(
        method=method,
        figure="",
        before=0.0,
        after=0.0,
        most_loss=MOST_LOSS[numbers],
        error=0.0,
        numbers=numbers,
    )
    trial = dataclasses.replace(described, quantized=method_only)
    run = Session(path.read_bytes(), trial).run
    figure = quantized_figures.figure_for(own, source)
    floats, integers = figure.of(Session(before, described).run), figure.of(run)
    loss = (integers - floats) / floats * (1 if figure.less_is_better else -1)
    if not loss <= MOST_LOSS[numbers]:
        raise Unproven(
            f"{own.name} in {numbers}: {figure.name} {integers:.4g} instead of {floats:.4g}, "
            f"{loss:.2%} worse (at most {MOST_LOSS[numbers]:.1%} is let pass)"
        )
    error = rough.error_of([(case.outputs, run(case.inputs)) for case in real])
    found = dataclasses.replace(
        method_only, figure=figure.name, before=floats, after=integers, error=error
    )
    return dataclasses.replace(described, quantized=found)


def _samples(inputs: Arrays) -> int:
    return len(next(iter(inputs.values())))


def _write(path: Path, examples: Arrays) -> str:
    """Quantizes a graph in place; returns how."""
    model = onnx.load(str(path))
    is_static = any(node.op_type == "Conv" for node in model.graph.node)
    with _quiet():
        if is_static:
            quantization.quantize_static(
                str(path),
                path,
                _Examples(examples),
                op_types_to_quantize=list(STATIC),
                # With signed ones, ONNX Runtime 1.32 cannot load some of the graphs it quantized.
                activation_type=quantization.QuantType.QUInt8,
                **_SETTINGS,
            )
        else:
            quantization.quantize_dynamic(str(path), path, **_SETTINGS)
    made = onnx.load(str(path))
    if not is_static:
        _store_recurrent_weights(made.graph)
    used = {node.domain or "" for node in made.graph.node}
    imports = [one for one in made.opset_import if one.domain in used]
    del made.opset_import[:]
    made.opset_import.extend(imports)
    made.producer_name, made.producer_version = model.producer_name, model.producer_version
    path.write_bytes(made.SerializeToString(deterministic=True))
    return "static" if is_static else "dynamic"


_SETTINGS: dict[str, Any] = {"per_channel": True, "reduce_range": True}
"""Seven bits of eight: with all of them, processors without VNNI add up two products in 16 bits,
which overflow, and the same graph would answer otherwise there."""


class _Examples(quantization.CalibrationDataReader):
    """One example after another, as the static quantizer wants them."""

    def __init__(self, examples: Arrays) -> None:
        self._rows = self._each(examples)

    @staticmethod
    def _each(examples: Arrays) -> Iterator[dict[str, np.ndarray]]:
        for row in range(min(_samples(examples), MOST_CALIBRATED)):
            yield {name: value[row : row + 1] for name, value in examples.items()}

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Is called until there are no more."""
        return next(self._rows, None)


def _store_recurrent_weights(graph: onnx.GraphProto) -> None:
    """Stores W and R of GRU and RNN as integers with a scale for each gate of each unit."""
    constants = {constant.name: constant for constant in graph.initializer}
    for node in list(graph.node):
        for name in node.input[1:3] if node.op_type in RECURRENT else ():
            weights = numpy_helper.to_array(constants[name])  # [1, gates * units, …]
            scale = np.abs(weights).max(axis=(0, 2)) / LARGEST
            scale = np.where(scale == 0, 1, scale).astype(np.float32)
            integers = np.round(weights / scale[:, np.newaxis]).astype(np.int8)
            graph.initializer.remove(constants[name])
            stored = (f"{name}/int8", integers), (f"{name}/scale", scale)
            graph.initializer.extend(numpy_helper.from_array(value, n) for n, value in stored)
            back = [name_ for name_, _ in stored]
            graph.node.insert(0, helper.make_node("DequantizeLinear", back, [name], axis=1))


class _quiet:  # noqa: N801 (a context manager is used like a function)
    """Keeps the quantizer from advising what was decided."""

    def __enter__(self) -> None:
        self._before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)

    def __exit__(self, *error: object) -> None:
        logging.disable(self._before)
