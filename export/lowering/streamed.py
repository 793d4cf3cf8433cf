"""Writes an ONNX file constant by constant: the whole file is never in memory.

Protobuf's own way needs the model, and once more its bytes. A message of it is its fields, one
after the other, each a tag, a length and as many bytes; so the large constants, which are one
repeated field of the graph, can be written last, each when its numbers are made.

Source: protobuf.dev/programming-guides/encoding; onnx.proto: ModelProto, GraphProto, TensorProto.
"""

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import onnx

from serving.wire.varint import varint

GRAPH = onnx.ModelProto.DESCRIPTOR.fields_by_name["graph"].number
INITIALIZER = onnx.GraphProto.DESCRIPTOR.fields_by_name["initializer"].number
RAW_DATA = onnx.TensorProto.DESCRIPTOR.fields_by_name["raw_data"].number
BYTES = 2
"""Protobuf's wire type of what has a length."""

Constant = tuple[onnx.TensorProto, Callable[[], np.ndarray]]


def write(model: onnx.ModelProto, constants: Iterable[Constant], path: Path) -> None:
    """Writes a model.

    Args:
        model: loses its graph.
        constants: of those of its graph that have no numbers: which, and what makes them.
        path: the file to write.
    """
    waiting = {tensor.name: (_header(tensor), _size(tensor), make) for tensor, make in constants}
    kept = [one for one in model.graph.initializer if one.name not in waiting]
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    model.ClearField("graph")
    del graph.initializer[:]
    graph.initializer.extend(kept)
    content = graph.SerializeToString(deterministic=True)
    length = len(content) + sum(
        len(_beginning(header, size)) + size for header, size, _ in waiting.values()
    )
    with path.open("wb") as file:
        file.write(model.SerializeToString(deterministic=True))
        file.write(_tag(GRAPH) + varint(length) + content)
        for header, size, make in waiting.values():
            file.write(_beginning(header, size))
            file.write(np.ascontiguousarray(make()).data)


def _header(tensor: onnx.TensorProto) -> bytes:
    """All of a constant but its numbers."""
    known = onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
    content: bytes = known.SerializeToString(deterministic=True)
    return content


def _size(tensor: onnx.TensorProto) -> int:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    size: int = math.prod(tensor.dims) * dtype.itemsize
    return size


def _beginning(header: bytes, size: int) -> bytes:
    """What stands before a constant's numbers, which are its last field."""
    field = header + _tag(RAW_DATA) + varint(size)
    return _tag(INITIALIZER) + varint(len(field) + size) + field


def _tag(number: int) -> bytes:
    return varint(number << 3 | BYTES)
