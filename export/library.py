"""What a Keras user calls from a notebook: a proven ONNX file of any model, without a bundle."""

import dataclasses
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from export import drawn, graphs, keras_file, onnx_file, own_signature, proof_cases, scaled
from export.fresh_process import answers
from export.lowering.detached import data_of
from export.proof import Flat, Unproven, refuse_flat
from export.source import Source
from keras_models.signature import Signature
from serving import bundle_json, golden, integrity
from serving.bundle import Manifest, Proof
from serving.errors import ServingError

Say = Callable[[str], None]


def to_onnx(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    examples: Mapping[str, np.ndarray] | None = None,
    opset: int | None = None,
    proven: bool = True,
    say: Say | None = None,
) -> tuple[Proof, ...]:
    """Writes a model as an ONNX file that computes what Keras computes, or none.

    Args:
        model: built, in any of Keras' ways; a layer's state goes in and comes out.
        path: the file to write.
        examples: by input name, arrays with the sample as first axis; None to draw some.
        opset: version of ONNX's operators; None for the newest that is known to run.
        proven: False writes it unseen.
        say: is told what is being done; None to print it on stderr.

    Returns:
        How far each output was from Keras' over all that was run; nothing if not `proven`.

    Raises:
        BadInput: the model cannot be expressed in ONNX, or the examples do not fit; says why.
        Unproven: what was written answers otherwise; the file is gone again.

    Example:
        export.to_onnx(model, "model.onnx")
    """
    say = say or _Progress()
    say(f"writing {path}")
    file = Path(path)
    onnx_file.write(own_signature.signature_of(model), file, opset=opset)
    if not proven:
        return ()
    try:
        return prove(model, file, examples=examples, say=say)
    except Unproven:
        file.unlink()
        data_of(file).unlink(missing_ok=True)
        raise


def prove(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    examples: Mapping[str, np.ndarray] | None = None,
    say: Say | None = None,
) -> tuple[Proof, ...]:
    """Runs an ONNX file in a fresh process, over examples and extremes, and compares with Keras.

    Args:
        model: what the file was made of.
        path: an ONNX file with the names that `to_onnx` gives.
        examples: by input name, arrays with the sample as first axis; None to draw some. If Keras'
            answers hardly vary over drawn ones, the model is proven with other weights as well,
            which are its own again afterwards.
        say: is told what is being done; None to print it on stderr.

    Returns:
        How far each output was from Keras' over all that was run.

    Raises:
        BadInput: the examples do not fit.
        Unproven: it answers otherwise, or nothing can be concluded; says where and by how much.

    Example:
        for proof in export.prove(model, "model.onnx"):
            print(proof.output, proof.largest_relative_error)
    """
    say = say or _Progress()
    signature = own_signature.signature_of(model)
    if examples is None:
        given = keras_file.random_examples(model, signature)
    else:
        given = keras_file.with_bytes({n: np.asarray(value) for n, value in examples.items()})
        keras_file.check_examples(signature, given, Path("examples"))
    source = _source(model, signature, given, are_real=examples is not None)
    say("computing in Keras what is right")
    cases, left_out = proof_cases.gather(source)
    for one in left_out:
        say(f"leaving out {one.case}: {one.reason}")
    try:
        refuse_flat(cases)
    except Flat:
        if source.examples_are_real:
            raise
        say("its outputs hardly vary: proving its layers with other weights too")
        _prove_scaled(source)
    say("running the file in a fresh process")
    return _proven(signature, cases, Path(path))


def _source(
    model: keras.Model, signature: Signature, examples: Mapping[str, np.ndarray], *, are_real: bool
) -> Source:
    for tensor in signature.outputs:
        drawn.numpy_dtype(tensor)
    return Source(
        name=model.name,
        file=Path(f"{model.name}.keras"),
        family=None,
        signatures=[signature],
        examples={tensor.name: examples[tensor.name] for tensor in signature.inputs},
        examples_are_real=are_real,
        model=model,
    )


def _prove_scaled(source: Source) -> None:
    """Proves the same layers with weights under which their answers vary."""
    model = source.model
    if model is None:
        raise ValueError("there is no model to prove")
    own = model.get_weights()
    try:
        scaled.vary(model, source.examples)
        cases = proof_cases.all_cases(source)
        refuse_flat(cases)
        with tempfile.TemporaryDirectory() as place:
            onnx_file.write(source.signatures[0], Path(place) / "scaled.onnx")
            _proven(source.signatures[0], cases, Path(place) / "scaled.onnx")
    finally:
        model.set_weights(own)


def _proven(signature: Signature, cases: list[golden.Case], path: Path) -> tuple[Proof, ...]:
    """Runs the file as serving would: out of a folder with a manifest."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        target = folder / "onnx" / path.name
        target.parent.mkdir()
        for file in (path, data_of(path)):
            if file.exists():
                shutil.copyfile(file, target.with_name(file.name))
        described = dataclasses.replace(
            graphs.described(signature), onnx=target.relative_to(folder).as_posix()
        )
        manifest = Manifest(
            name=signature.name,
            family=None,
            created="",
            source={},
            versions={},
            signatures=(described,),
            proof=(),
            files=integrity.describe_all(folder),
        )
        (folder / bundle_json.MANIFEST).write_text(bundle_json.to_text(manifest), encoding="utf-8")
        try:
            run = answers("onnx", folder, cases)
        except ServingError as error:
            raise Unproven(f"{path}: {error}") from error
        verdict = golden.judge("onnx", cases, run, {signature.name: signature.tolerance})
    if verdict.faults:
        raise Unproven("; ".join(verdict.faults[:3]))
    return verdict.proofs


class _Progress:
    """Says on stderr what is being done, and how long it has taken so far."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, step: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self._began:5.1f} s  {step}\n")
