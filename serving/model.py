"""A bundle that answers: `load(path).predict(image=…)`."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from serving import bundle, bundle_json, golden, integrity
from serving.batch import together
from serving.bundle import Manifest, Signature, Tensor
from serving.characters import CHARACTERS
from serving.codecs import DECODERS, ENCODERS
from serving.errors import BadInput, NotFound
from serving.sampling import Sampling
from serving.session import Session

DEFAULT = "serving_default"


def load(path: str | os.PathLike[str], *, threads: int = 1) -> "Model":
    """Loads a bundle, or the highest version of a model.

    Args:
        path: a bundle (`models/digits/3`), or a model's folder (`models/digits`).
        threads: for each ONNX Runtime session, within one operator.

    Raises:
        NotFound: there is no bundle at that path.
        DamagedBundle: a file is not the one that was published.

    Example:
        serving.load("models/digits").predict(image="photo.png")["label"]
    """
    folder = find_version(Path(path))
    return Model(folder, bundle_json.read(folder), threads=threads)


def find_version(path: Path) -> Path:
    """Returns `path` if it is a bundle, else the highest version in it.

    Raises:
        NotFound: it is neither.
    """
    if (path / bundle_json.MANIFEST).exists():
        return path
    if not path.is_dir():
        raise NotFound(f"there is no bundle or model folder {path}")
    versions = [child for child in path.iterdir() if child.name.isdecimal() and child.is_dir()]
    if not versions:
        raise NotFound(f"{path} holds no version: keras-export puts them there as 1, 2, 3, …")
    return max(versions, key=lambda child: int(child.name))


class Model:
    """A loaded bundle.

    Attributes:
        folder: where it was loaded from; its name is the version.
        manifest: what `bundle.json` says.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int = 1) -> None:
        """Loads nothing yet: a signature's graph is read when it is first asked for."""
        self.folder, self.manifest, self._threads = folder, manifest, threads
        self._sessions: dict[str, Session] = {}

    def predict(self, signature: str = DEFAULT, **inputs: Any) -> dict[str, np.ndarray]:
        """Answers one sample or a batch.

        Args:
            signature: what to ask.
            inputs: by tensor name: arrays or lists of the signature's dtype, with or without the
                batch axis; for images also paths or bytes of PNG and JPEG files, or lists of them.

        Returns:
            Arrays by output name, without the batch axis where no input had it.

        Raises:
            BadInput: an input is missing, unknown, or does not fit.
            NotFound: there is no such signature, or no such file.
        """
        session = self.session(signature)
        tensors = {tensor.name: tensor for tensor in session.signature.inputs}
        unknown = sorted(set(inputs) - set(tensors))
        if unknown:
            raise BadInput(
                f"{signature} takes {', '.join(sorted(tensors))}; got {', '.join(sorted(inputs))}"
            )
        arrays = {name: _to_array(tensors[name], value) for name, value in inputs.items()}
        single = {
            name
            for name, array in arrays.items()
            if tensors[name].shape[:1] == ("batch",) and array.ndim == len(tensors[name].shape) - 1
        }
        batched = {n: a[np.newaxis] if n in single else a for n, a in arrays.items()}
        answers = session.run(batched)
        if single and single == {n for n, t in tensors.items() if t.shape[:1] == ("batch",)}:
            return _without_batch(answers, session.signature)
        return answers

    def stream(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """Goes on with a text, character by character.

        Args:
            prompt: is read, not repeated.
            length: tokens to make: nearly always as many characters.
            temperature: divides the logits; 0 takes the likeliest token.
            top_k: only so many of the likeliest tokens; 0 for all.
            top_p: only the likeliest tokens that make up this share of the probability.
            seed: the same gives the same text, here, in `generate`, and in TF Serving.

        Raises:
            BadInput: a number is out of its range; says which.
            NotFound: the model has no `step` signature.

        Example:
            for character in serving.load("models/shakespeare").stream("ROMEO:", seed=7): …
        """
        from serving.stream import stream

        session = self.session("step")
        codec = session.signature.inputs[0].codec
        if codec is None or codec.name != CHARACTERS:
            raise NotFound(f"{self.manifest.name} is no text generator")
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        return stream(session, codec.settings, prompt, length, sampling)

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs a signature on arrays that fit it exactly; the golden comparison uses this."""
        return self.session(signature).run(inputs)

    def readable(
        self, answers: Mapping[str, np.ndarray], signature: str = DEFAULT
    ) -> dict[str, list[Any]]:
        """Turns answers into what people read, by the outputs' codecs, one entry per sample.

        Returns:
            For `label` class names; for `probabilities` (class, probability) from the likeliest
            down; outputs without a codec are left out.
        """
        return {
            tensor.name: ENCODERS[tensor.codec.name](answers[tensor.name], tensor.codec.settings)
            for tensor in self.manifest.signature(signature).outputs
            if tensor.codec and tensor.codec.name in ENCODERS
        }

    def check_golden(self) -> golden.Verdict:
        """Recomputes the golden outputs that the bundle carries, and compares.

        Signatures are computed beside each other; the cases of one are not, since it keeps the
        memory of the largest, and would need that of two.
        """
        content = integrity.read_checked(self.folder, self.manifest, bundle.REFERENCE)
        graphs = [signature.name for signature in self.manifest.signatures if signature.onnx]
        own = self.manifest

        def judged(name: str) -> golden.Verdict:
            cases = golden.from_bytes(content, name)
            return golden.judge("onnx", cases, self.run, own.tolerances, own.errors, own.numbers)

        with ThreadPoolExecutor() as pool:
            verdicts = list(pool.map(judged, graphs))
        return golden.Verdict(
            proofs=tuple(proof for verdict in verdicts for proof in verdict.proofs),
            faults=tuple(fault for verdict in verdicts for fault in verdict.faults),
        )

    def session(self, name: str) -> Session:
        """Returns a signature's graph, loaded when it is first asked for.

        Raises:
            NotFound: there is no such signature, or it has no graph.
            DamagedBundle: the graph is not the published one, or cannot be loaded.
        """
        if name not in self._sessions:
            signature = self.manifest.signature(name)
            if signature.onnx is None:
                raise NotFound(
                    f"signature {name!r} of {self.manifest.name} is in the SavedModel alone, "
                    "which TF Serving serves"
                )
            content = integrity.read_checked(self.folder, self.manifest, signature.onnx)
            data = f"{signature.onnx}.data"  # of graphs that would not fit into one file
            weights = {}
            if data in self.manifest.files:
                weights[Path(data).name] = integrity.read_checked(self.folder, self.manifest, data)
            self._sessions[name] = Session(
                content, signature, threads=self._threads, weights=weights
            )
        return self._sessions[name]


def _to_array(tensor: Tensor, value: Any) -> np.ndarray:
    decode = DECODERS.get(tensor.codec.name) if tensor.codec else None
    if tensor.codec and decode:
        if isinstance(value, str | bytes | Path):
            return decode(value, tensor.codec.settings)
        if isinstance(value, Sequence) and value and isinstance(value[0], str | bytes | Path):
            return together(tensor, [decode(one, tensor.codec.settings) for one in value])
    return _exactly(tensor, value)


def _exactly(tensor: Tensor, value: Any) -> np.ndarray:
    """Converts only where no value changes: 3 becomes 3.0, but 1.5 never becomes 1."""
    try:
        array = np.asarray(value)
        wanted = np.dtype(tensor.dtype)
        if array.dtype == wanted:
            return array
        if array.dtype.kind not in "biuf":
            raise BadInput(f"{tensor.name} is {tensor.dtype}, got {array.dtype}")
        with np.errstate(all="ignore"):
            converted = array.astype(wanted)
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"{tensor.name} is {tensor.dtype}, and this is no array of it: {error}"
        ) from error
    loses = wanted.kind != "f" and not np.array_equal(converted, array)
    if loses or (wanted.kind == "b") != (array.dtype.kind == "b"):
        raise BadInput(f"{tensor.name} is {tensor.dtype}: {array.dtype} values do not fit into it")
    return converted


def _without_batch(
    answers: Mapping[str, np.ndarray], signature: Signature
) -> dict[str, np.ndarray]:
    has_batch = {tensor.name for tensor in signature.outputs if tensor.shape[:1] == ("batch",)}
    return {name: value[0] if name in has_batch else value for name, value in answers.items()}
