"""A lone `.keras` file: loaded without running code that it brings, and with inputs drawn at random
where nobody gives any.
"""

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from export import archive, archive_config, drawn, rehearsal
from export.custom import register
from export.reasons import REFUSALS
from keras_models.errors import BadInput
from keras_models.signature import Signature

RANDOM_EXAMPLES = 64


def load(path: Path, custom: Sequence[Path] = ()) -> keras.Model:
    """Loads a model of a stranger: looked at first, then rehearsed in a process with limits.

    Args:
        path: of the file.
        custom: Python files of the user's own, which are run, for classes that it needs.

    Raises:
        BadInput: it is no such file, or damaged, or needs code; says which.
    """
    archive.check(path, register(custom))
    with archive.unpacked(path) as folder:
        rehearsal.rehearse(path, folder, custom)
        return load_unpacked(folder, path)


def load_trusted(path: Path) -> keras.Model:
    """Loads a model, without its optimizer and without any Python code that the file may bring.

    Raises:
        BadInput: it is no such file, or damaged, or needs code; says which.
    """
    if not zipfile.is_zipfile(path):
        raise BadInput(f"{path} is no .keras file, or a damaged one")
    with archive.unpacked(path) as folder:
        return load_unpacked(folder, path)


def load_unpacked(folder: Path, path: Path) -> keras.Model:
    """Loads a model from the folder into which the `.keras` file at `path` was unpacked.

    Raises:
        BadInput: as `load_trusted`; names `path`.
    """
    try:
        return keras.saving.load_model(folder, compile=False, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:  # Keras raises whatever the file makes it stumble on
        raise BadInput(f"{path} {_what_is_wrong(error)}") from error


def saved_at(path: Path) -> str:
    """Returns when Keras saved the model, `2026-11-27T23:37:05`; nothing where it does not say.

    A version is dated so, not by when it was exported: the same model gives the same manifest.
    """
    with zipfile.ZipFile(path) as opened:
        try:
            said = json.loads(opened.read("metadata.json")).get("date_saved", "")
        except (KeyError, ValueError, AttributeError):
            return ""
    return str(said).replace("@", "T")


def _what_is_wrong(error: BaseException) -> str:
    if isinstance(error, UnboundLocalError) and error.__context__:
        error = error.__context__  # Keras' code stumbles again while it leaves a folder
    text = str(error).strip()
    missing = re.search(r"Could not locate (class|function) '([^']+)'", text)
    if missing:
        code = f"the {missing[1]} {missing[2]}"
        return f"needs Python code that is not in the file: {code}; {archive_config.WAY_ROUND}"
    if "`Lambda` layer" in text:
        return "has a Lambda layer, and loading that would run Python code from the file"
    wanted = re.search(r"Unable to allocate .+? for an array", text)
    if wanted:
        return f"is not loaded: it needs more memory than it may have ({wanted[0]})"
    line = next(iter(text.splitlines()), "") or repr(error)
    return f"cannot be loaded by Keras {keras.__version__}: {line.split('. ')[0]}"


def random_examples(model: keras.Model, signature: Signature) -> dict[str, np.ndarray]:
    """Draws inputs by dtype and shape; pixels for uint8, ids and words that the model knows.

    Raises:
        BadInput: there is a dtype for which nothing sensible can be drawn.
    """
    sources = drawn.sources(model, signature)
    for lengths in drawn.lengths_to_try(signature, RANDOM_EXAMPLES):
        one = {name: 1 if name == "batch" else length for name, length in lengths.items()}
        if len(one) == 1 or _computes(
            signature, drawn.draw(np.random.default_rng(0), signature, one, sources)
        ):
            break
    else:
        lengths = next(iter(drawn.lengths_to_try(signature, RANDOM_EXAMPLES)))
    return drawn.draw(np.random.default_rng(0), signature, lengths, sources)


def _computes(signature: Signature, inputs: Mapping[str, np.ndarray]) -> bool:
    """Tells whether Keras answers with numbers: of what is too short, some layers make NaN."""
    try:
        answers = signature.function(**{name: tf.constant(v) for name, v in inputs.items()})
    except REFUSALS:
        return False
    values = [np.asarray(one) for one in answers.values()]
    return all(one.size and (one.dtype.kind != "f" or np.isfinite(one).any()) for one in values)


def with_bytes(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the arrays with strings as bytes in objects, as TensorFlow takes them."""
    return {name: _as_bytes(array) for name, array in arrays.items()}


def _as_bytes(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "US":
        return array
    if array.dtype.kind == "U":
        array = np.strings.encode(array, "utf-8")
    return array.astype(object)


def check_examples(signature: Signature, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Checks that the arrays are what the signature takes.

    Raises:
        BadInput: one is missing, or of another dtype or shape; names it.
    """
    lengths: dict[str, int] = {}
    for tensor in signature.inputs:
        if tensor.name not in arrays:
            raise BadInput(
                f"{path} has no array {tensor.name!r}: the model takes "
                f"{', '.join(t.name for t in signature.inputs)}"
            )
        array = arrays[tensor.name]
        if array.dtype != drawn.numpy_dtype(tensor):
            raise BadInput(
                f"{path}: {tensor.name} is {array.dtype}, the model takes {tensor.dtype}"
            )
        fits = array.ndim == len(tensor.shape) and all(
            length == (lengths.setdefault(d, length) if isinstance(d, str) else d)
            for length, d in zip(array.shape, tensor.shape, strict=True)
        )
        if not fits or not array.size:
            takes = ", ".join(map(str, tensor.shape))
            raise BadInput(
                f"{path}: {tensor.name} has shape {list(array.shape)}, the model takes [{takes}]"
            )
