"""`keras-export`: from a run, or any `.keras` file, to a proven bundle."""

import argparse
import dataclasses
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_models import backend
from keras_models.errors import BadInput

if TYPE_CHECKING:
    from export.source import Source
    from serving.bundle import Manifest
    from serving.golden import Case

EPILOG = """\
examples:
  keras-export runs/digits --to models                 a finished run
  keras-export my.keras --name mine --to models        any Keras model
  keras-export my.keras --to models --examples x.npz   proven on your own inputs
  keras-export my.keras --to models --custom layers.py with layers of your own

Publishes models/<name>/<next number>/, or nothing: the SavedModel and the ONNX files are run in
fresh processes first, and must compute what Keras computes.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0 published, 1 the proof failed, 2 bad input or a target that cannot be written, 130 and
        143 stopped by Ctrl-C and SIGTERM.
    """
    options = _parser().parse_args(arguments)
    # Golden answers come from the CPU: a GPU may round to TF32, and traces LSTMs as cuDNN calls.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    # TensorFlow's own allocator keeps what was freed: of a variable that is read, three times it.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
    note = backend.prepare()
    # Every case of a proof has its own shape: that functions are traced anew is no news here.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if note:
        sys.stderr.write(f"keras-export: {note}\n")
    from export.proof import Unproven

    signal.signal(signal.SIGTERM, _stop)  # so that what was staged is removed
    try:
        folder, manifest = export(options)
    except BadInput as error:
        return _fail(str(error), 2)
    except Unproven as error:
        return _fail(f"not published: {error}", 1)
    except OSError as error:
        return _fail(f"cannot write {error.filename or options.to}: {error.strerror or error}", 2)
    except KeyboardInterrupt:
        return _fail("stopped: nothing was published", 128 + signal.SIGINT)
    _report(folder, manifest, in_full=options.report)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-export",
        description="Exports a model to SavedModel and ONNX, proves both, and publishes them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, help="a run directory, or a .keras file")
    parser.add_argument("--to", type=Path, default=Path("models"), help="where models are (models)")
    parser.add_argument("--name", help="the model's name; the run's or file's name by default")
    parser.add_argument("--examples", type=Path, help=".npz with an array per input, to prove on")
    parser.add_argument(
        "--custom",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.py",
        help="run this Python file first, for layers and functions of your own: it can do "
        "whatever you can, so name none that you have not read (may be given several times)",
    )
    parser.add_argument(
        "--format",
        choices=("both", "savedmodel"),
        default="both",
        help="savedmodel alone, for what ONNX cannot express (both)",
    )
    parser.add_argument("--opset", type=int, help="version of ONNX's operators (the newest)")
    parser.add_argument(
        "--optimize",
        action="store_true",
        help="let ONNX Runtime optimize the graphs, as far as they stay ONNX",
    )
    narrower = parser.add_mutually_exclusive_group()
    narrower.add_argument(
        "--quantize",
        choices=("int8",),
        help="graphs with integer weights, if the model's own figure loses less than 1 %%",
    )
    narrower.add_argument(
        "--precision",
        choices=("float16", "bfloat16"),
        help="graphs in 16 bits (bfloat16: their weights), if that figure loses less than 0.1 %% "
        "(bfloat16: 1 %%)",
    )
    parser.add_argument(
        "--localize",
        action="store_true",
        help="if a proof fails, find the first layer whose answer differs",
    )
    parser.add_argument(
        "--report", action="store_true", help="print gaps, edges and graphs beside the proof"
    )
    return parser


def _stop(signal_number: int, frame: object) -> None:
    raise SystemExit(128 + signal_number)


def export(options: argparse.Namespace) -> "tuple[Path, Manifest]":
    """Exports in steps: source, graphs, proof, integer weights if wanted, edges, publication.

    Returns:
        The published folder, and its manifest.

    Raises:
        BadInput: source, name or target do not do.
        Unproven: the files do not compute what Keras computes.
        OSError: the target cannot be written.
    """
    from export import edges, graphs, optimize, proof, proof_cases, publish, quantize, source

    say = _Steps()
    say("reading the model")
    for path in options.custom:
        sys.stderr.write(f"keras-export: running {path}, as --custom asks\n")
    read = source.read(
        options.source, options.examples, formats=options.format, custom=options.custom
    )
    name = options.name or read.name
    with publish.staging(options.to, name) as staged:
        say("writing SavedModel and ONNX")
        cases, left_out = proof_cases.gather(read)
        stored = proof_cases.stored_cases(cases)
        manifest = graphs.write(read, name, stored, staged, opset=options.opset)
        if options.optimize:
            say("letting ONNX Runtime optimize the graphs")
            manifest = graphs.write_manifest(optimize.optimized(manifest, staged), staged)
        say("proving both in fresh processes")
        try:
            proofs = proof.prove(read, cases, staged, say)
        except proof.Unproven as error:
            raise proof.Unproven(f"{error}{_where(read, cases, options.localize)}") from error
        manifest = dataclasses.replace(manifest, proof=tuple(proofs), left_out=tuple(left_out))
        if numbers := options.quantize or options.precision:
            say(f"making it {numbers}, and measuring what that costs")
            manifest = quantize.with_numbers(manifest, read, staged, cases, numbers)
        say("trying the edges in a process made to be lost")
        manifest = edges.with_edges(manifest, read, staged)
        say("publishing")
        manifest = graphs.write_manifest(manifest, staged)
        return publish.publish(staged), manifest


def _where(read: "Source", cases: "Sequence[Case]", is_wanted: bool) -> str:
    """Says which layer differs first, if that is wanted and the model is one of unknown making."""
    if not is_wanted or read.model is None:
        return ""
    from export import localize

    inputs = next(case.inputs for case in cases if case.name.startswith("real"))
    return f"; {localize.first_divergence(read.model, inputs)}"


class _Steps:
    """Says on stderr what is being done, and how long it has taken so far."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, step: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self.began:5.1f} s  {step}\n")


def _report(folder: Path, manifest: "Manifest", *, in_full: bool) -> None:
    from export import report
    from export.card import proof_table, variant_lines

    print(report.report(manifest, folder) if in_full else proof_table(manifest.proof))
    size = sum(file.bytes for file in manifest.files.values())
    for line in variant_lines(manifest.signatures):
        print(line)
    print(f"\nproven and published: {folder} ({size / 1e6:.1f} MB)")
    if not any(signature.onnx for signature in manifest.signatures):
        print(f"next: keras-verify {folder} --savedmodel")
        return
    print(f"next: keras-verify {folder}")
    takes = manifest.signatures[0].inputs[0].codec
    question = {"image": "photo.png", "characters": '--prompt "…"'}.get(takes.name if takes else "")
    if question:
        print(f"      keras-serve predict {folder.parent} {question}")


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"keras-export: error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
