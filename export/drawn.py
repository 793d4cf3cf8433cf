"""Inputs drawn by dtype and shape, for a model that nobody gave examples of."""

from collections.abc import Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf
from keras.layers import Embedding

from export import known, structures
from export.known import Known
from export.takers import takers
from keras_models.errors import BadInput
from keras_models.signature import Signature, Tensor

UNLIMITED = 10
"""Integers of which nothing is known are drawn below this."""


def draw(
    random: np.random.Generator,
    signature: Signature,
    lengths: Mapping[str, int],
    sources: Mapping[str, Known],
) -> dict[str, np.ndarray]:
    """Draws every input: normal numbers, pixels, truths, or what the model's layers know.

    Args:
        random: where from.
        signature: what is drawn for.
        lengths: of every free dimension.
        sources: by input name, as `sources` returns them.

    Raises:
        BadInput: there is a dtype for which nothing sensible can be drawn.
    """
    return {
        tensor.name: _drawn(random, tensor, lengths, sources.get(tensor.name))
        for tensor in signature.inputs
    }


def lengths(signature: Signature, batch: int, length: int, apart: int = 1) -> dict[str, int]:
    """Returns a length for every free dimension; several of one input differ.

    Args:
        signature: whose inputs they are.
        batch: how many rows.
        length: of a lone dimension; twice that where an input has several.
        apart: by how much those of one input differ.
    """
    found: dict[str, int] = {"batch": batch}
    for tensor in signature.inputs:
        free = [d for d in tensor.shape if isinstance(d, str) and d != "batch"]
        for position, dimension in enumerate(free):
            found.setdefault(dimension, length * (2 if len(free) > 1 else 1) + position * apart)
    return found


TRIED = ((16, 1), (32, 64), (128, 64), (1024, 64), (8192, 64))
"""Lengths, and how far those of one input are apart: any; what is halved five times; waves."""
MOST_NUMBERS = 10**7
"""What one row may hold."""


def lengths_to_try(signature: Signature, batch: int) -> Iterator[dict[str, int]]:
    """Yields lengths of free dimensions, until those are found that the model computes."""
    for length, apart in TRIED:
        found = lengths(signature, batch, length, apart)
        sizes = [
            np.prod([1 if d == "batch" else found[d] if isinstance(d, str) else d for d in t.shape])
            for t in signature.inputs
        ]
        if max(sizes) <= MOST_NUMBERS:
            yield found


def sources(model: keras.Model, signature: Signature) -> dict[str, Known]:
    """Returns what inputs are drawn from: what the layers know that take them, else a guess."""
    taken = takers(model, structures.inputs_of(model))
    found, unknown = dict[str, Known](), list[Tensor]()
    for tensor, layers in zip(signature.inputs, taken, strict=False):  # state comes after them
        own = known.of_all(layers, strings=tensor.dtype == "string")
        if own is None:
            unknown.append(tensor)
        else:
            found[tensor.name] = own
    guessed = {one.name: _guess(model, one, is_alone=len(taken) == 1) for one in unknown}
    return found | {name: one for name, one in guessed.items() if one is not None}


def _guess(model: keras.Model, tensor: Tensor, *, is_alone: bool) -> Known | None:
    """The smallest embedding of the model, for one of them will look integers up; else a table."""
    layers = model._flatten_layers()
    if tensor.dtype == "string":
        return known.of_all(layers, strings=True) or known.words()
    ids = known.of_all([one for one in layers if isinstance(one, Embedding)], strings=False)
    if tensor.dtype.startswith("float"):  # Keras' type for what nobody declared
        return ids if is_alone and len(tensor.shape) < 3 else None
    if tensor.dtype == "uint8":
        return ids
    return ids or known.of_all(layers, strings=False)


def numpy_dtype(tensor: Tensor) -> np.dtype:
    """Returns the dtype of arrays for a tensor; strings are bytes, as objects.

    Raises:
        BadInput: NumPy and the bundle know no such type: bfloat16, complex numbers.
    """
    dtype: np.dtype = np.dtype(tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype)
    if dtype.kind not in "biufO":
        raise BadInput(
            f"{tensor.name} is {tensor.dtype}, which a model cannot take or give here: "
            "use float32 at its inputs and outputs"
        )
    return dtype


def _drawn(
    random: np.random.Generator, tensor: Tensor, lengths: Mapping[str, int], source: Known | None
) -> np.ndarray:
    shape = [lengths[d] if isinstance(d, str) else d for d in tensor.shape]
    dtype = numpy_dtype(tensor)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    if source is not None:
        return source.fitting(dtype).drawn(random, shape).astype(dtype)
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 256 if dtype == np.uint8 else UNLIMITED, shape).astype(dtype)
