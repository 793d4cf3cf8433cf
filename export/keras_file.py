"""A lone `.keras` file: loaded without running code that it brings, with one signature in its own
names, and with inputs drawn at random where nobody gives any.
"""

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_models.errors import BadInput
from keras_models.signature import Shape, Signature, Tensor

RANDOM_EXAMPLES = 64
FREE_LENGTH = 16
"""What a free dimension other than the batch gets where examples are drawn at random."""
NUMBERED_BY_KERAS = re.compile(r"keras_tensor(_\d+)?")
"""Names that a counter of the process made: they say nothing, and change with every process."""


def load(path: Path) -> keras.Model:
    """Loads a model, without its optimizer and without any Python code that the file may bring.

    Raises:
        BadInput: it is no such file, or damaged, or needs code; says which.
    """
    if not zipfile.is_zipfile(path):
        raise BadInput(f"{path} is no .keras file, or a damaged one")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever the file makes it stumble on
        raise BadInput(f"{path} {_what_is_wrong(error)}") from error


def _what_is_wrong(error: Exception) -> str:
    text = str(error).strip()
    missing = re.search(r"Could not locate (class|function) '([^']+)'", text)
    if missing:
        return f"needs Python code that is not in the file: the {missing[1]} {missing[2]}"
    if "`Lambda` layer" in text:
        return "has a Lambda layer, and loading that would run Python code from the file"
    line = next(iter(text.splitlines()), "") or repr(error)
    return f"cannot be loaded by Keras {keras.__version__}: {line.split('. ')[0]}"


def signature_of(model: keras.Model, path: Path) -> Signature:
    """Returns the one signature of a model that nobody described.

    Names are the model's own, with what no file format allows replaced by `_`; the first free
    dimension is `batch`, others are `<tensor>_<axis>`.

    Raises:
        BadInput: it declares no inputs, or keeps state from call to call.
    """
    if not getattr(model, "inputs", None):
        raise BadInput(
            f"{path}: the model declares no inputs: build it from keras.Input, then save it again"
        )
    _refuse_state(model, path)
    inputs = _tensors(model.inputs, [tensor.name for tensor in model.inputs], "input", taken=())
    made_by = [tensor._keras_history.operation.name for tensor in model.outputs]
    outputs = _tensors(model.outputs, made_by, "output", taken=[tensor.name for tensor in inputs])

    def call(**arrays: tf.Tensor) -> dict[str, tf.Tensor]:
        values = [arrays[tensor.name] for tensor in inputs]
        one = isinstance(model, keras.Sequential)  # which does not know its own `input`
        packed = values[0] if one else keras.tree.pack_sequence_as(model.input, values)
        answers = model(packed, training=False)
        names = [tensor.name for tensor in outputs]
        return dict(zip(names, keras.tree.flatten(answers), strict=True))

    return Signature(
        name="serving_default",
        summary=f"Calls the Keras model {model.name}.",
        function=call,
        inputs=inputs,
        outputs=outputs,
    )


def _refuse_state(model: keras.Model, path: Path) -> None:
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            raise BadInput(
                f"{path}: layer {layer.name} keeps its state from one call to the next "
                "(stateful=True), so users of a server would share it: pass the state in and out"
            )


def _tensors(
    tensors: Sequence[keras.KerasTensor], names: Sequence[str], kind: str, taken: Sequence[str]
) -> tuple[Tensor, ...]:
    """Names each tensor once, apart from those taken, and writes down what it is."""
    described: list[Tensor] = []
    for position, (tensor, own) in enumerate(zip(tensors, names, strict=True)):
        name = _plain(own, kind)
        if list(names).count(own) > 1 or (name == kind and len(names) > 1):
            name = f"{name}_{position}"
        while name in taken or name in [one.name for one in described]:
            name = f"{name}_{kind}"
        described.append(Tensor(name=name, dtype=tensor.dtype, shape=_shape(tensor.shape, name)))
    return tuple(described)


def _plain(name: str, kind: str) -> str:
    """A name that TensorFlow, ONNX and Python all take."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    if NUMBERED_BY_KERAS.fullmatch(plain):
        return kind
    return plain if plain[:1].isalpha() else f"{kind}_{plain}"


def _shape(shape: Sequence[int | None], name: str) -> Shape:
    free = ("batch", *(f"{name}_{axis}" for axis in range(1, len(shape))))
    return tuple(free[axis] if length is None else length for axis, length in enumerate(shape))


def random_examples(signature: Signature) -> dict[str, np.ndarray]:
    """Draws inputs by dtype and shape: normal numbers, pixels for uint8, else zeros and ones.

    Raises:
        BadInput: there is a dtype for which nothing sensible can be drawn.
    """
    random = np.random.default_rng(0)
    return {tensor.name: _drawn(random, tensor) for tensor in signature.inputs}


def _drawn(random: np.random.Generator, tensor: Tensor) -> np.ndarray:
    lengths = {"batch": RANDOM_EXAMPLES}
    shape = [lengths.get(d, FREE_LENGTH) if isinstance(d, str) else d for d in tensor.shape]
    dtype = numpy_dtype(tensor)
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 256 if dtype == np.uint8 else 2, shape).astype(dtype)


def numpy_dtype(tensor: Tensor) -> np.dtype:
    """Returns the dtype of arrays for a tensor.

    Raises:
        BadInput: NumPy and the bundle know no such type: strings, bfloat16.
    """
    dtype = tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype
    if np.dtype(dtype).kind not in "biuf":
        raise BadInput(
            f"{tensor.name} is {tensor.dtype}, which a model cannot take or give here: "
            "use float32 at its inputs and outputs, and numbers in place of strings"
        )
    found: np.dtype = np.dtype(dtype)
    return found


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
        if array.dtype != numpy_dtype(tensor):
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
