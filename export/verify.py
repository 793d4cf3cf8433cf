"""`keras-verify`: holds a bundle to its hashes and to Keras' own answers.

Needs no TensorFlow, unless the SavedModel is to be run too.
"""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from export.card import agreement
from serving import bundle, bundle_json, golden, integrity
from serving.bundle import Manifest, Proof
from serving.errors import BadInput, DamagedBundle, NotFound, ServingError, Unsupported
from serving.model import Model, find_version

EPILOG = """\
examples:
  keras-verify models/digits               the highest version
  keras-verify models/digits/1             that one
  keras-verify models/digits/1 --savedmodel   the SavedModel too, if TensorFlow is installed
  keras-verify models/digits/1 --endpoint http://localhost:8501   what a live server answers
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0 all is as published, 1 something differs, 2 bad input.
    """
    parser = argparse.ArgumentParser(
        prog="keras-verify",
        description="Checks every file's hash, then recomputes the golden outputs that a bundle "
        "carries, in ONNX Runtime.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", type=Path, help="a bundle, or a model's folder")
    parser.add_argument(
        "--savedmodel", action="store_true", help="run the SavedModel too (needs TensorFlow)"
    )
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        help="hold a live server to the bundle: http://host:8501 or grpc://host:8500",
    )
    options = parser.parse_args(arguments)
    try:
        if options.endpoint:
            proofs, faults = verify_endpoint(options.bundle, options.endpoint)
        else:
            proofs, faults = verify(options.bundle, savedmodel=options.savedmodel)
    except (BadInput, NotFound) as error:
        sys.stderr.write(f"keras-verify: error: {error}\n")
        return 2
    except ServingError as error:
        sys.stderr.write(f"keras-verify: {error}\n")
        return 1
    for proof in proofs:
        print(_line(proof))
    for fault in faults:
        sys.stderr.write(f"keras-verify: {fault}\n")
    print("differs from what was published" if faults else "as published, and as Keras computed")
    return 1 if faults else 0


def verify(path: Path, *, savedmodel: bool) -> tuple[list[Proof], list[str]]:
    """Checks a bundle.

    Returns:
        How far each output is from Keras, and a sentence for every fault.

    Raises:
        NotFound: there is no bundle.
        DamagedBundle: files were added, removed or changed; nothing of it was run.
        BadInput: the SavedModel was asked for, and TensorFlow is not installed; or it was not,
            and there is nothing else.
    """
    folder = find_version(path)
    if savedmodel and importlib.util.find_spec("tensorflow") is None:
        raise BadInput("--savedmodel needs TensorFlow: pip install 'keras-models[export]'")
    manifest = bundle_json.read(folder)
    differing = integrity.differences(folder, manifest)
    if differing:
        more = f", and {len(differing) - 5} more" if len(differing) > 5 else ""
        raise DamagedBundle(f"{folder}: {', '.join(differing[:5])}{more}")
    if not savedmodel and not any(signature.onnx for signature in manifest.signatures):
        raise BadInput(
            f"{folder} has every file as published, and no ONNX graph to run: "
            "its SavedModel is run with --savedmodel"
        )
    verdicts = [Model(folder, manifest).check_golden()]
    if savedmodel:
        verdicts.append(_savedmodel_verdict(folder, manifest))
    proofs = [proof for verdict in verdicts for proof in verdict.proofs]
    return proofs, [fault for verdict in verdicts for fault in verdict.faults]


def verify_endpoint(path: Path, url: str) -> tuple[list[Proof], list[str]]:
    """Holds a live server, ours or TF Serving, to the golden outputs of a bundle.

    Returns:
        How far each output is from Keras, and a sentence for every fault.

    Raises:
        NotFound: there is no bundle.
        BadInput: the folder is no version, or the endpoint of no known kind.
        ServingError: the server does not answer.
    """
    from export import endpoint

    folder = find_version(path)
    if not folder.name.isdecimal():
        raise BadInput(f"{folder} is no version of a model: its name is no number")
    manifest = bundle_json.read(folder)
    run = endpoint.runner(url, manifest, int(folder.name))
    content = integrity.read_checked(folder, manifest, bundle.REFERENCE)
    cases = [case for case in golden.from_bytes(content) if endpoint.has_rows(case.inputs)]
    served, left_out = [], set()
    for case in cases:
        if case.signature in left_out:
            continue
        try:
            answers = run(case.signature, case.inputs)
        except Unsupported:
            left_out.add(case.signature)
            sys.stderr.write(f"keras-verify: {case.signature} is not served there\n")
        else:
            served.append((case, answers))
    if not served:
        raise ServingError(f"{url} serves no signature that has golden outputs")
    given = iter([answers for _, answers in served])
    cases = [case for case, _ in served]
    verdict = golden.judge(
        "endpoint",
        cases,
        lambda *_: next(given),
        manifest.tolerances,
        manifest.errors,
        manifest.numbers,
    )
    return list(verdict.proofs), list(verdict.faults)


def _savedmodel_verdict(folder: Path, manifest: Manifest) -> golden.Verdict:
    from export import savedmodel_operators
    from export.fresh_process import answers

    reason = savedmodel_operators.refusal(folder)
    if reason:
        raise DamagedBundle(reason)
    cases = golden.from_bytes(integrity.read_checked(folder, manifest, bundle.REFERENCE))
    run = answers("savedmodel", folder, cases)
    return golden.judge("savedmodel", cases, run, manifest.tolerances)


def _line(proof: Proof) -> str:
    decisions = f", decisions: {agreement(proof)}" if proof.decisions else ""
    return (
        f"{proof.runtime:10}  {proof.signature}  {proof.output}: largest error "
        f"{proof.largest_absolute_error:.1e}, {proof.largest_relative_error:.1e} of the spread"
        f"{decisions} ({proof.samples} samples)"
    )


if __name__ == "__main__":
    sys.exit(main())
