"""Writes all of a bundle's files into the staging folder, with the manifest that lists them."""

import dataclasses
import importlib.metadata
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export import keras_file, onnx_file, warmup
from export.card import card
from export.source import Source
from export.to_savedmodel import to_savedmodel
from keras_models import signature as own
from serving import bundle, bundle_json, golden, integrity
from serving.bundle import Codec, Manifest, Signature, Tensor
from serving.golden import Case

LIBRARIES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy")


def write(
    source: Source, name: str, cases: Sequence[Case], folder: Path, *, opset: int | None = None
) -> Manifest:
    """Writes SavedModel, ONNX graphs, golden outputs, warm-up requests and a manifest.

    Args:
        source: what is exported.
        name: the model's.
        cases: inputs with Keras' outputs.
        folder: empty.
        opset: version of ONNX's operators, None for the newest.

    Returns:
        The manifest, without a proof as yet.
    """
    to_savedmodel(source.signatures, folder)
    (folder / "onnx").mkdir()
    for signature in source.signatures:
        if "onnx" in signature.runtimes:
            onnx_file.write(signature, folder / onnx_name(signature), opset=opset)
    with (folder / bundle.REFERENCE).open("wb") as file:
        np.savez_compressed(file, **golden.to_arrays(cases))  # type: ignore[arg-type]
    warmup.write(cases, name, folder)
    origin = integrity.describe(source.file)
    manifest = Manifest(
        name=name,
        family=source.family,
        created=keras_file.saved_at(source.file),
        source={
            "kind": "run" if source.config else "keras",
            "path": source.file.name if source.config is None else source.file.parent.name,
            "sha256": origin.sha256,
            "config": source.config,
            "metrics": source.metrics,
            "examples": "real" if source.examples_are_real else "drawn at random",
        },
        versions={
            "python": platform.python_version(),
            **{library: importlib.metadata.version(library) for library in LIBRARIES},
        },
        signatures=tuple(described(signature) for signature in source.signatures),
        proof=(),
        files={},
    )
    return write_manifest(manifest, folder)


def write_manifest(manifest: Manifest, folder: Path) -> Manifest:
    """Writes the card and, last, the manifest with the hashes of all files as they are now."""
    (folder / "README.md").write_text(card(manifest), encoding="utf-8")
    manifest = dataclasses.replace(manifest, files=integrity.describe_all(folder))
    (folder / bundle_json.MANIFEST).write_text(bundle_json.to_text(manifest), encoding="utf-8")
    return manifest


def onnx_name(signature: own.Signature) -> str:
    """Returns where a signature's graph is in a bundle."""
    return f"onnx/{signature.name}.onnx"


def described(signature: own.Signature) -> Signature:
    """Returns a signature as the manifest has it."""
    return Signature(
        name=signature.name,
        summary=signature.summary,
        runtimes=signature.runtimes,
        inputs=tuple(map(_tensor, signature.inputs)),
        outputs=tuple(map(_tensor, signature.outputs)),
        onnx=onnx_name(signature) if "onnx" in signature.runtimes else None,
        tolerance=signature.tolerance,
    )


def _tensor(tensor: own.Tensor) -> Tensor:
    codec = tensor.codec
    return Tensor(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=tensor.shape,
        codec=Codec(name=codec.name, settings=codec.settings) if codec else None,
        minimum=tensor.minimum,
        maximum=tensor.maximum,
    )
