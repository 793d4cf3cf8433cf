"""What is exported: a run, or any `.keras` file, as a model with signatures and examples.

A run is read by three file names (docs/run-directory.md); no code is shared with training.
"""

import dataclasses
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_models
from export import drawn, keras_file, own_signature
from keras_models.data_spec import RUN_FORMAT, SPECS
from keras_models.errors import BadInput
from keras_models.signature import Signature


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model on its way out.

    Attributes:
        name: what the bundle is called unless told otherwise.
        file: the `.keras` file.
        family: the family's name, None for a model of unknown making.
        signatures: what it serves.
        examples: inputs of `serving_default`, and of a run what other signatures make theirs of;
            the first axis is the sample.
        examples_are_real: whether they are data, or drawn at random.
        answers: what is right for each example, None where nobody knows.
        config, metrics: of the run, None for a lone file.
        model: of a lone file; a run's is behind its signatures.
    """

    name: str
    file: Path
    family: str | None
    signatures: Sequence[Signature]
    examples: Mapping[str, np.ndarray]
    examples_are_real: bool
    answers: np.ndarray | None = None
    config: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] | None = None
    model: keras.Model | None = None


def read(
    path: Path,
    examples: Path | None = None,
    *,
    formats: str = "both",
    custom: Sequence[Path] = (),
) -> Source:
    """Reads a run directory or a `.keras` file.

    Args:
        path: either of them.
        examples: for a lone file, an .npz with an array per input.
        formats: `savedmodel` for that alone, else `both`.
        custom: for a lone file, Python files that define what it needs; they are run.

    Raises:
        BadInput: it is neither, or damaged, or needs code that is not here.
    """
    if path.is_dir():
        if examples is not None or custom:
            flag = "--custom" if custom else "--examples"
            raise BadInput(f"{flag} is for a lone .keras file: a run brings its own")
        return _in_formats(_read_run(path), formats)
    if not path.exists():
        raise BadInput(f"there is no run directory or .keras file {path}")
    return _in_formats(_read_file(path, examples, custom), formats)


def _in_formats(source: Source, formats: str) -> Source:
    if formats == "both":
        return source
    alone = [dataclasses.replace(one, runtimes=("savedmodel",)) for one in source.signatures]
    return dataclasses.replace(source, signatures=alone)


def _read_run(path: Path) -> Source:
    config = _json(path / "config.json", f"{path} is no run directory (no config.json)")
    name = str(config.get("family"))
    if config.get("format") != RUN_FORMAT:
        raise BadInput(
            f"{path / 'config.json'} is not of format {RUN_FORMAT}: another version made it; "
            f"export it with that one, or train again: keras-train {name}"
        )
    if not (path / "model.keras").exists():
        raise BadInput(
            f"{path} has no model.keras: training has not finished an epoch; "
            f"go on with keras-train {name} --run {path} --resume"
        )
    if not (path / "metrics.json").exists():
        raise BadInput(
            f"{path} is not finished (no metrics.json): "
            f"go on with keras-train {name} --run {path} --resume"
        )
    family = keras_models.get(name)
    spec = _spec(family.reads, path, config)
    signatures = family.signatures(keras_file.load_trusted(path / "model.keras"), spec)
    arrays = _arrays(path / "examples.npz")
    keras_file.check_examples(signatures[0], arrays, path / "examples.npz")
    return Source(
        name=path.resolve().name,
        file=path.resolve() / "model.keras",
        family=family.name,
        signatures=signatures,
        examples={name: array for name, array in arrays.items() if name != "answer"},
        examples_are_real=True,
        answers=arrays.get("answer"),
        config=config,
        metrics=_json(path / "metrics.json", f"{path} is not finished"),
    )


def _spec(reads: str, path: Path, config: Mapping[str, Any]) -> Any:
    try:
        return SPECS[reads].from_record(config["spec"])
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"{path / 'config.json'} does not say what the model was trained on"
        ) from error


def _read_file(path: Path, examples: Path | None, custom: Sequence[Path]) -> Source:
    model = keras_file.load(path, custom)
    signature = own_signature.signature_of(model)
    for tensor in signature.outputs:
        drawn.numpy_dtype(tensor)
    if examples is None:
        arrays = keras_file.random_examples(model, signature)
    else:
        arrays = _arrays(examples)
        keras_file.check_examples(signature, arrays, examples)
    return Source(
        name=path.stem,
        file=path,
        family=None,
        signatures=[signature],
        examples={tensor.name: arrays[tensor.name] for tensor in signature.inputs},
        examples_are_real=examples is not None,
        model=model,
    )


def _json(path: Path, missing: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise BadInput(missing) from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} holds no JSON object")
    return content


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return keras_file.with_bytes({name: arrays[name] for name in arrays.files})
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}") from error
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise BadInput(f"{path} is no .npz file of plain arrays: {error}") from error
