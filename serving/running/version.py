"""One version of a model, loaded and ready to answer."""

import hashlib
import time
from pathlib import Path
from typing import Any, Protocol

from serving import bundle, bundle_json, golden, integrity
from serving.bundle import Manifest, Signature, Tensor
from serving.errors import DamagedBundle
from serving.model import DEFAULT, Model
from serving.running import padding, string_signature
from serving.running.batching import Arrays, Batcher, Observer, rows_of
from serving.running.limits import Limits
from serving.session import Session
from serving.wire.datatypes import BY_NAME
from serving.wire.messages import message

SAVED_MODEL = "saved_model.pb"
WARM_UP_ROWS = 32
"""Golden inputs of at most so many rows are computed once before anybody asks."""


class Answering(Protocol):
    """A signature that answers: `Batcher` or `StringSignature`."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""

    def admit(self) -> None:
        """Refuses a request before it is read any further; raises Overloaded."""

    async def answer(self, inputs: Arrays, deadline: float = float("inf")) -> Arrays:
        """Computes the outputs."""


class Version:
    """A bundle's signatures, each with its batches.

    Attributes:
        name, number: of the model, of the version.
        manifest: what the bundle says of itself.
        signature_defs: by signature, as the SavedModel beside the graphs declares them.
        card: the model card, Markdown.
    """

    def __init__(self, name: str, number: int, model: Model, *, observer: Observer) -> None:
        """Puts it together; `load` does more."""
        self.name, self.number, self.manifest = name, number, model.manifest
        self.model = model
        self._observer = observer
        self._batchers: dict[str, Batcher] = {}
        self._answering: dict[str, Answering] = {}
        self.signature_defs: dict[str, Any] = {}
        self.card = ""

    def answering(self, signature: str) -> Answering | None:
        """Returns what answers a signature, None where there is none; empty is the default one."""
        return self._answering.get(signature or DEFAULT)

    def signatures(self) -> list[Signature]:
        """Returns what can be asked here, in the manifest's order."""
        return [a.signature for a in self._answering.values()]

    def _warm_up(self, cases: list[golden.Case]) -> None:
        """Computes golden inputs, and learns what a row costs and which lengths go together."""
        for name, batcher in self._batchers.items():
            session = self.model.session(name)
            own = [case for case in cases if case.signature == name]
            for case in own[:1]:  # what the first run of a graph needs is got only once
                session.run(case.inputs)
            for case in own:
                batcher.expect(_row_seconds(session, case))
            if batcher.is_batched:
                batcher.padding = padding.find(session, own)

    def _open(self, limits: Limits) -> None:
        for signature in self.manifest.signatures:
            if signature.onnx is not None:
                session = self.model.session(signature.name)
                self._batchers[signature.name] = Batcher(session, limits, self._observer)
        for signature in self.manifest.signatures:
            answering: Answering | None = self._batchers.get(signature.name)
            answering = answering or string_signature.find(signature, self._batchers)
            if answering is not None:
                self._answering[signature.name] = answering


def load(
    name: str,
    number: int,
    folder: Path,
    *,
    manifest_sha256: str,
    limits: Limits,
    observer: Observer,
    threads: int = 1,
) -> Version:
    """Loads a version that was tried before, and computes its golden inputs once.

    Args:
        name, number: of the model, of the version.
        folder: the bundle.
        manifest_sha256: of the manifest that was tried; every other file is held to that manifest.
        limits: of its batches.
        observer: is told of every batch.
        threads: of ONNX Runtime, within one operator.

    Raises:
        DamagedBundle: something is not what it was, or cannot be loaded.
    """
    manifest = _manifest(folder, manifest_sha256)
    model = Model(folder, manifest, threads=threads)
    version = Version(name, number, model, observer=observer)
    version._open(limits)
    version.signature_defs = _signature_defs(folder, manifest)
    if "README.md" in manifest.files:
        card = integrity.read_checked(folder, manifest, "README.md")
        version.card = card.decode("utf-8", "replace")
    version._warm_up(_small_cases(folder, manifest))
    return version


def _row_seconds(session: Session, case: golden.Case) -> float:
    began = time.perf_counter()
    session.run(case.inputs)
    return (time.perf_counter() - began) / max(rows_of(case.inputs), 1)


def _manifest(folder: Path, sha256: str) -> Manifest:
    content = bundle_json.content_of(folder)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DamagedBundle(f"{folder}: {bundle_json.MANIFEST} is not the one that was tried")
    return bundle_json.from_bytes(content, folder / bundle_json.MANIFEST)


def _small_cases(folder: Path, manifest: Manifest) -> list[golden.Case]:
    content = integrity.read_checked(folder, manifest, bundle.REFERENCE)
    return [
        case
        for case in golden.inputs_from_bytes(content)
        if all(array.shape[:1] <= (WARM_UP_ROWS,) for array in case.inputs.values())
    ]


def _signature_defs(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Reads what the SavedModel declares; of a bundle without one, what its manifest says."""
    if SAVED_MODEL not in manifest.files:
        return {signature.name: _signature_def(signature) for signature in manifest.signatures}
    content = integrity.read_checked(folder, manifest, SAVED_MODEL)
    saved = message("tensorflow.SavedModel").FromString(content)
    found: dict[str, Any] = {}
    for graph in saved.meta_graphs:
        for name, definition in graph.signature_def.items():
            found[name] = message("tensorflow.SignatureDef")()
            found[name].CopyFrom(definition)
    return found


def _signature_def(signature: Signature) -> Any:
    definition = message("tensorflow.SignatureDef")(method_name="tensorflow/serving/predict")
    for tensors, infos in (
        (signature.inputs, definition.inputs),
        (signature.outputs, definition.outputs),
    ):
        for tensor in tensors:
            _describe(tensor, infos[tensor.name])
    return definition


def _describe(tensor: Tensor, info: Any) -> None:
    info.name = f"{tensor.name}:0"
    info.dtype = BY_NAME[tensor.dtype].number if tensor.dtype in BY_NAME else 0
    for length in tensor.shape:
        info.tensor_shape.dim.add(size=length if isinstance(length, int) else -1)
