"""The proof: the written files, run in fresh processes, compute what Keras computed.

The SavedModel is loaded as TF Serving loads it, without Keras and without our code; the ONNX
files by `serving/`, the code that will answer. No proof, no bundle.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from export import graphs, keras_file, own_signature, proof_cases, scaled
from export.fresh_process import RUNNERS, answers
from export.source import Source
from serving import golden
from serving.bundle import Proof
from serving.errors import ServingError
from serving.golden import Case


class Unproven(Exception):  # noqa: N818 (the field's word)
    """The files do not compute what Keras computes, or nothing could be concluded."""


class Flat(Unproven):
    """Keras' answers are nearly the same for every input, whoever computes them."""


def prove(
    source: Source, cases: Sequence[Case], folder: Path, say: Callable[[str], None]
) -> list[Proof]:
    """Proves every signature in every runtime it is made for.

    A model of unknown making that nobody gave examples of may be flat on what was drawn: then the
    same layers are proven with weights that keep their signal alive, and its own files as well.

    Args:
        source: what was exported.
        cases: inputs with Keras' outputs.
        folder: the staged bundle, complete but for its proof.
        say: is told what takes time.

    Returns:
        How far each output of each runtime was from Keras.

    Raises:
        Unproven: names signature, runtime, case and error; or says why nothing is proven.
    """
    try:
        refuse_flat(cases)
    except Flat:
        if source.model is None or source.examples_are_real:
            raise
        say("its outputs hardly vary: proving its layers with other weights too")
        _prove_scaled(source)
    return _prove(source, cases, folder)


def _prove_scaled(source: Source) -> None:
    """Exports and proves the model once more, with weights under which its outputs vary."""
    model = keras_file.load_trusted(source.file)
    scaled.vary(model, source.examples)
    signatures = [own_signature.signature_of(model)]
    other = dataclasses.replace(source, signatures=signatures, model=model)
    cases = proof_cases.all_cases(other)
    refuse_flat(cases)
    with tempfile.TemporaryDirectory() as place:
        graphs.write(other, source.name, proof_cases.stored_cases(cases), Path(place))
        _prove(other, cases, Path(place))


def _prove(source: Source, cases: Sequence[Case], folder: Path) -> list[Proof]:
    _refuse_one_class(source, cases)
    one_at_a_time = any(folder.glob("onnx/*.data"))  # each process holds all weights
    with ThreadPoolExecutor(max_workers=1 if one_at_a_time else None) as pool:
        verdicts = list(pool.map(lambda runtime: _verdict(runtime, source, cases, folder), RUNNERS))
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    if faults:
        raise Unproven(
            "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" * (len(faults) > 3))
        )
    return [proof for verdict in verdicts for proof in verdict.proofs]


def refuse_flat(cases: Sequence[Case]) -> None:
    """Refuses cases that any network would pass: a softmax that has learned nothing is flat.

    Raises:
        Flat: all answers of a signature are nearly the same for every input; names them.
    """
    for name in {case.signature: None for case in cases}:
        own = [case for case in cases if case.signature == name]
        floats = [o for o, value in own[0].outputs.items() if value.dtype.kind == "f"]
        flat = [output for output in floats if golden.is_flat(own, output)]
        if floats and len(flat) == len(floats):
            raise Flat(
                f"{name}: {', '.join(flat)} is nearly the same for every input (it varies by less "
                f"than {golden.FLAT:g} of its size), so agreement would prove nothing; "
                "is the model trained? Its own kind of input can be given with --examples"
            )


def _refuse_one_class(source: Source, cases: Sequence[Case]) -> None:
    """A classifier that gives every real sample the same class agrees with any other that does.

    Only outputs that are declared classes are looked at: of other numbers, the largest may always
    stand in the same place.
    """
    for signature in source.signatures:
        for tensor in signature.outputs:
            if tensor.codec is None or tensor.codec.name != "class":
                continue
            real = [c for c in cases if c.signature == signature.name and c.name.startswith("real")]
            chosen = np.concatenate([case.outputs[tensor.name].ravel() for case in real])
            if len(chosen) > 1 and len(np.unique(chosen)) == 1:
                raise Unproven(
                    f"{signature.name}: {tensor.name} is {chosen[0]} for every one of the real "
                    "samples, so agreement would prove nothing; is the model trained?"
                )


def _verdict(runtime: str, source: Source, cases: Sequence[Case], folder: Path) -> golden.Verdict:
    wanted = {s.name for s in source.signatures if runtime in s.runtimes}
    own = [case for case in cases if case.signature in wanted]
    try:
        tolerances = {signature.name: signature.tolerance for signature in source.signatures}
        return golden.judge(runtime, own, answers(runtime, folder, own), tolerances)
    except ServingError as error:
        raise Unproven(str(error)) from error
