"""Inputs drawn by dtype and shape, for a model that nobody gave examples of."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from keras_models.errors import BadInput
from keras_models.signature import Signature, Tensor

UNLIMITED = 10
"""Integers of which nothing is known are drawn below this."""


def draw(
    random: np.random.Generator,
    signature: Signature,
    lengths: Mapping[str, int],
    limits: Mapping[str, int],
) -> dict[str, np.ndarray]:
    """Draws every input: normal numbers, pixels, truths, or integers below a limit.

    Args:
        random: where from.
        signature: what is drawn for.
        lengths: of every free dimension.
        limits: by input name, as `limits` returns them.

    Raises:
        BadInput: there is a dtype for which nothing sensible can be drawn.
    """
    return {
        tensor.name: _drawn(random, tensor, lengths, limits.get(tensor.name))
        for tensor in signature.inputs
    }


def lengths(signature: Signature, batch: int, length: int) -> dict[str, int]:
    """Returns a length for every free dimension; several of one input differ by one."""
    found: dict[str, int] = {"batch": batch}
    for tensor in signature.inputs:
        free = [d for d in tensor.shape if isinstance(d, str) and d != "batch"]
        for position, dimension in enumerate(free):
            found.setdefault(dimension, length * (2 if len(free) > 1 else 1) + position)
    return found


def limits(model: keras.Model, signature: Signature) -> dict[str, int]:
    """Returns below what the integers of each input are drawn: what it takes, else a guess.

    The guess is the smallest embedding of the model, for one of them will look the integers up.
    """
    sizes = [
        layer.input_dim
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Embedding)
    ]
    guess = {tensor.name: min(sizes) for tensor in signature.inputs if sizes}
    known = {t.name: int(t.maximum) + 1 for t in signature.inputs if t.maximum is not None}
    unknown = [t for t in signature.inputs if t.name not in known]
    floats = {t.name for t in unknown if t.dtype.startswith("float") and len(unknown) > 1}
    return {name: limit for name, limit in (guess | known).items() if name not in floats}


def size_of_vocabulary(model: keras.Model, tensor: keras.KerasTensor) -> int | None:
    """Returns how many different integers a tensor may hold, where a layer that takes it says."""
    sizes = [
        size
        for operation in _takers(model, tensor)
        if (size := getattr(operation, "input_dim", None) or getattr(operation, "num_tokens", None))
    ]
    return min(sizes, default=None)


def _takers(model: keras.Model, tensor: keras.KerasTensor) -> list[keras.Operation]:
    """The operations of a functional model that take a tensor as it is."""
    functional = getattr(model, "_functional", None) or model  # which a Sequential keeps inside
    return [
        operation
        for operation in getattr(functional, "operations", ())
        for node in operation._inbound_nodes
        if any(tensor is one for one in node.input_tensors)
    ]


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


def _drawn(
    random: np.random.Generator, tensor: Tensor, lengths: Mapping[str, int], limit: int | None
) -> np.ndarray:
    shape = [lengths[d] if isinstance(d, str) else d for d in tensor.shape]
    dtype = numpy_dtype(tensor)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    if limit and (dtype.kind != "f" or len(shape) < 3):
        return random.integers(0, min(limit, _most(dtype)), shape).astype(dtype)
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 256 if dtype == np.uint8 else UNLIMITED, shape).astype(dtype)


def _most(dtype: np.dtype) -> int:
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else 2**24
