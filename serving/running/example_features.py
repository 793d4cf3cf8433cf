"""A feature of serialized `tf.train.Example`s to a tensor, as `tf.io.parse_example` reads it."""

import math
from collections.abc import Sequence

import numpy as np

from serving.bundle import Tensor
from serving.codecs import DECODERS
from serving.errors import BadInput
from serving.wire.messages import message

_SUFFIX = "_bytes"
"""Of the feature with the bytes of a file that a codec reads."""


def to_array(examples: Sequence[bytes], tensor: Tensor) -> np.ndarray:
    """Reads the feature of the tensor's name from every example.

    Args:
        examples: serialized.
        tensor: a numeric one; where it has a codec of files, those are the feature `NAME_bytes`.

    Raises:
        BadInput: an example cannot be parsed, lacks the feature, or has other values in it.
    """
    rows = [_row(place, content, tensor) for place, content in enumerate(examples)]
    return np.stack(rows)


def _row(place: int, content: bytes, tensor: Tensor) -> np.ndarray:
    example = message("tensorflow.Example")()
    try:
        example.ParseFromString(content)
    except Exception as error:  # protobuf's DecodeError is of another class in each backend
        raise BadInput(f"Error parsing example at index {place}") from error
    codec = tensor.codec if tensor.codec and tensor.codec.name in DECODERS else None
    name = tensor.name + _SUFFIX if codec else tensor.name
    feature = example.features.feature.get(name)
    kind = feature.WhichOneof("kind") if feature is not None else None
    if feature is None or kind is None:
        raise BadInput(f"Key: {name}.  Can't parse serialized Example: it is not there")
    values = list(getattr(feature, kind).value)
    if codec:
        if kind != "bytes_list" or len(values) != 1:
            raise BadInput(f"Key: {name}.  Expected the bytes of one file, got {kind}")
        return DECODERS[codec.name](values[0], codec.settings)
    return _numbers(name, kind, values, tensor)


def _numbers(name: str, kind: str, values: list[float], tensor: Tensor) -> np.ndarray:
    is_float = np.dtype(tensor.dtype).kind == "f"
    if kind != ("float_list" if is_float else "int64_list"):
        wanted = "float" if is_float else "int64"
        raise BadInput(f"Key: {name}.  Data types don't match. Expected type: {wanted}")
    shape = [d for d in tensor.shape[1:] if isinstance(d, int)]
    if len(shape) != len(tensor.shape) - 1:
        raise BadInput(f"{tensor.name} has axes of any length, which an Example cannot say")
    if len(values) != math.prod(shape):
        raise BadInput(
            f"Key: {name}.  Number of {kind.split('_')[0]} values != expected.  "
            f"Values size: {len(values)} but output shape: {shape}"
        )
    array = np.array(values, np.float64 if is_float else np.int64)
    converted = array.astype(tensor.dtype)
    if not is_float and not np.array_equal(array, converted):
        raise BadInput(f"Key: {name}.  A value does not fit into {tensor.dtype}")
    return converted.reshape(shape)
