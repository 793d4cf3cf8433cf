"""What is exported: a run, or any `.keras` file, as a model with signatures and examples.

A run is read by three file names (docs/run-directory.md); no code is shared with training.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_models
from keras_models.errors import BadInput
from keras_models.family import ImageSpec
from keras_models.signature import Shape, Signature, Tensor

RANDOM_EXAMPLES = 64
FREE_LENGTH = 16
"""What a free dimension other than the batch gets where examples are drawn at random."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model on its way out.

    Attributes:
        name: what the bundle is called unless told otherwise.
        file: the `.keras` file.
        family: the family's name, None for a model of unknown making.
        signatures: what it serves.
        examples: inputs of `serving_default`, the first axis is the sample.
        examples_are_real: whether they are data, or drawn at random.
        config, metrics: of the run, None for a lone file.
    """

    name: str
    file: Path
    family: str | None
    signatures: Sequence[Signature]
    examples: Mapping[str, np.ndarray]
    examples_are_real: bool
    config: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] | None = None


def read(path: Path, examples: Path | None = None) -> Source:
    """Reads a run directory or a `.keras` file.

    Args:
        path: either of them.
        examples: for a lone file, an .npz with an array per input.

    Raises:
        BadInput: it is neither, or damaged, or needs code that is not here.
    """
    if path.is_dir():
        if examples is not None:
            raise BadInput("--examples is for a lone .keras file: a run brings its own")
        return _read_run(path)
    if not path.exists():
        raise BadInput(f"there is no run directory or .keras file {path}")
    return _read_file(path, examples)


def _read_run(path: Path) -> Source:
    config = _json(path / "config.json", f"{path} is no run directory (no config.json)")
    name = str(config.get("family"))
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
    model = _load(path / "model.keras")
    spec = ImageSpec(**{**config["spec"], "classes": tuple(config["spec"]["classes"])})
    arrays = _arrays(path / "examples.npz")
    arrays.pop("answer", None)
    return Source(
        name=path.resolve().name,
        file=path / "model.keras",
        family=family.name,
        signatures=family.signatures(model, spec),
        examples=arrays,
        examples_are_real=True,
        config=config,
        metrics=_json(path / "metrics.json", f"{path} is not finished"),
    )


def _read_file(path: Path, examples: Path | None) -> Source:
    model = _load(path)
    signature = _signature_of(model, path)
    arrays = _arrays(examples) if examples else _random_examples(signature)
    _check_examples(signature, arrays, examples)
    return Source(
        name=path.stem,
        file=path,
        family=None,
        signatures=[signature],
        examples=arrays,
        examples_are_real=examples is not None,
    )


def _load(path: Path) -> keras.Model:
    if not zipfile.is_zipfile(path):
        raise BadInput(f"{path} is no .keras file, or a damaged one")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever the file makes it stumble on
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise BadInput(f"{path} cannot be loaded by Keras {keras.__version__}: {reason}") from error
    return model


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
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}") from error
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise BadInput(f"{path} is no .npz file of plain arrays: {error}") from error


def _signature_of(model: keras.Model, path: Path) -> Signature:
    """The one signature of a model that nobody described: its own names, dtypes and shapes."""
    if not getattr(model, "inputs", None):
        raise BadInput(
            f"{path}: a model without declared inputs (a subclassed one) cannot be exported yet"
        )
    inputs = tuple(
        Tensor(name=tensor.name, dtype=tensor.dtype, shape=_named_shape(tensor.shape, tensor.name))
        for tensor in model.inputs
    )
    names = _output_names(model)
    outputs = tuple(
        Tensor(name=name, dtype=tensor.dtype, shape=_named_shape(tensor.shape, name))
        for name, tensor in zip(names, model.outputs, strict=True)
    )

    def call(**arrays: tf.Tensor) -> dict[str, tf.Tensor]:
        values = [arrays[tensor.name] for tensor in inputs]
        packed = keras.tree.pack_sequence_as(model.input, values)
        return dict(zip(names, keras.tree.flatten(model(packed, training=False)), strict=True))

    return Signature(
        name="serving_default",
        summary=f"Calls the Keras model {model.name}.",
        function=call,
        inputs=inputs,
        outputs=outputs,
    )


def _output_names(model: keras.Model) -> list[str]:
    """The layers that make the outputs; numbered where one makes several."""
    names = [str(name) for name in model.output_names]
    return [f"{n}_{i}" if names.count(n) > 1 else n for i, n in enumerate(names)]


def _named_shape(shape: Sequence[int | None], name: str) -> Shape:
    free = ("batch", *(f"{name}_{axis}" for axis in range(1, len(shape))))
    return tuple(free[axis] if length is None else length for axis, length in enumerate(shape))


def _random_examples(signature: Signature) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    lengths: dict[str, int] = {"batch": RANDOM_EXAMPLES}
    drawn = {}
    for tensor in signature.inputs:
        shape = [lengths.get(d, FREE_LENGTH) if isinstance(d, str) else d for d in tensor.shape]
        dtype = np.dtype(tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype)
        if dtype.kind == "f":
            drawn[tensor.name] = random.standard_normal(shape).astype(dtype)
        elif dtype == np.uint8:
            drawn[tensor.name] = random.integers(0, 256, shape).astype(dtype)
        else:
            drawn[tensor.name] = random.integers(0, 2, shape).astype(dtype)
    return drawn


def _check_examples(
    signature: Signature, arrays: Mapping[str, np.ndarray], path: Path | None
) -> None:
    for tensor in signature.inputs:
        if tensor.name not in arrays:
            raise BadInput(
                f"{path} has no array {tensor.name!r}: the model takes "
                f"{', '.join(t.name for t in signature.inputs)}"
            )
        array = arrays[tensor.name]
        fixed = [
            (a, d) for a, d in zip(array.shape, tensor.shape, strict=False) if isinstance(d, int)
        ]
        if array.ndim != len(tensor.shape) or any(a != d for a, d in fixed):
            raise BadInput(
                f"{path}: {tensor.name} has shape {list(array.shape)}, the model takes "
                f"[{', '.join(map(str, tensor.shape))}]"
            )
        if array.dtype != np.dtype(tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype):
            raise BadInput(
                f"{path}: {tensor.name} is {array.dtype}, the model takes {tensor.dtype}"
            )
