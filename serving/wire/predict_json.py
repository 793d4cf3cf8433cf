"""A predict request in JSON to arrays, by the rules of TF Serving's util/json_tensor.cc.

Row form: `{"instances": [...]}`, columnar form: `{"inputs": ...}`. Ordinary requests never become
Python values (`predict_arrays.py`); the others, and those with an error to be explained, are read
here as TF Serving reads them, with its messages.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from serving.bundle import Tensor
from serving.errors import BadInput, ServingError
from serving.wire import json_text, predict_arrays
from serving.wire.json_tensor import array, elements, is_base64, shape_of
from serving.wire.json_value import written

FindInputs = Callable[[str], Sequence[Tensor]]
"""From a signature's name, which may be empty, to what it takes."""


@dataclass(frozen=True, kw_only=True)
class PredictJSON:
    """What a predict request says.

    Attributes:
        signature: its name, empty for the default one.
        is_row: it came as `instances`, and is answered with `predictions`; else `outputs`.
        inputs: arrays by tensor name.
    """

    signature: str
    is_row: bool
    inputs: Mapping[str, np.ndarray]


@dataclass
class _Column:
    """The values of one input, and the shape that every instance must have."""

    tensor: Tensor
    shape: tuple[int, ...]
    values: list[Any]


def parse(body: bytes, find_inputs: FindInputs) -> PredictJSON:
    """Reads a predict request, the short way if it can.

    Args:
        body: JSON.
        find_inputs: called with the signature's name once it is known; raises what it likes.

    Raises:
        BadInput: it is no such request, or does not fit the signature's types.
        Unsupported: a type of the signature has no form in JSON.
    """
    return parse_shortly(body, find_inputs) or parse_at_length(body, find_inputs)


def parse_shortly(body: bytes, find_inputs: FindInputs) -> PredictJSON | None:
    """Reads an ordinary request, fast; None where it is not ordinary, or wrong."""
    found = predict_arrays.parse(body, find_inputs)
    if found is None:
        return None
    signature, is_row, inputs = found
    return PredictJSON(signature=signature, is_row=is_row, inputs=inputs)


def parse_at_length(body: bytes, find_inputs: FindInputs) -> PredictJSON:
    """Reads any request; megabytes take tenths of seconds."""
    document = json_text.parse(body)
    signature = signature_name(document)
    tensors = find_inputs(signature)
    if "instances" in document and "inputs" in document:
        _refuse(
            document,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )
    if "instances" in document:
        inputs = _rows(document, tensors)
    elif "inputs" in document:
        inputs = _columns(document["inputs"], tensors)
    else:
        raise BadInput("Missing 'inputs' or 'instances' key")
    return PredictJSON(signature=signature, is_row="instances" in document, inputs=inputs)


def signature_name(document: Any) -> str:
    """Returns the `signature_name` of a request, empty where it has none.

    Raises:
        BadInput: the request is no object, or the name no string.
    """
    if not isinstance(document, dict):
        _refuse(document, "Is not object")
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        _refuse(document, "not formatted correctly. 'signature_name' key must be a string value.")
    return name


def _rows(document: Mapping[str, Any], tensors: Sequence[Tensor]) -> dict[str, np.ndarray]:
    instances = document["instances"]
    if not isinstance(instances, list):
        _refuse(document, "Expecting 'instances' to be an list/array")
    if not instances:
        _refuse(document, "No values in 'instances' array")
    if not isinstance(instances[0], dict) and len(tensors) > 1:
        raise BadInput(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    read = _named_instance if _is_object(instances[0]) else _plain_instance
    columns: dict[str, _Column] = {}
    for place, instance in enumerate(instances):
        read(instance, place, tensors, columns)
    return {
        name: array(column.tensor.dtype, column.values, (len(instances), *column.shape))
        for name, column in columns.items()
    }


def _named_instance(
    instance: Any, place: int, tensors: Sequence[Tensor], columns: dict[str, _Column]
) -> None:
    if not _is_object(instance):
        raise BadInput(f"Expecting object but got list at item {place} of input list")
    by_name = {tensor.name: tensor for tensor in tensors}
    for name, value in instance.items():
        try:
            if name not in by_name:
                raise BadInput(f"JSON object: does not have named input: {name}")
            _add_instance(value, by_name[name], columns)
        except ServingError as error:
            raise BadInput(
                f"Failed to process element: {place} key: {name} of 'instances' list. "
                f"Error: {error.grpc_code}: {error}"
            ) from error
    if set(instance) != set(by_name):
        raise BadInput(
            f"Failed to process element: {place} of 'instances' list. "
            f"JSON object: {written(instance)} keys must be equal to: {','.join(sorted(by_name))}"
        )


def _plain_instance(
    instance: Any, place: int, tensors: Sequence[Tensor], columns: dict[str, _Column]
) -> None:
    if _is_object(instance):
        raise BadInput(f"Expecting value/list but got object at item {place} of input list")
    try:
        _add_instance(instance, tensors[0], columns)
    except ServingError as error:
        raise BadInput(
            f"Failed to process element: {place} of 'instances' list. "
            f"Error: {error.grpc_code}: {error}"
        ) from error


def _add_instance(value: Any, tensor: Tensor, columns: dict[str, _Column]) -> None:
    shape = shape_of(value)
    values = elements(value, shape, tensor.dtype)
    column = columns.get(tensor.name)
    if column is None:
        columns[tensor.name] = _Column(tensor, shape, values)
        return
    size = math.prod(column.shape)
    if len(values) != size:
        raise BadInput(f"Expecting tensor size: {size} but got: {len(values)}")
    if shape != column.shape:
        raise BadInput(f"Expecting shape {_listed(column.shape)} but got: {_listed(shape)}")
    column.values += values


def _columns(given: Any, tensors: Sequence[Tensor]) -> dict[str, np.ndarray]:
    if not _is_object(given):
        if len(tensors) > 1:
            raise BadInput(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        return {tensors[0].name: _whole(given, tensors[0])}
    arrays = {}
    for tensor in tensors:
        if tensor.name not in given:
            raise BadInput(f"Missing named input: {tensor.name} in 'inputs' object.")
        arrays[tensor.name] = _whole(given[tensor.name], tensor)
    return arrays


def _whole(value: Any, tensor: Tensor) -> np.ndarray:
    shape = shape_of(value)
    return array(tensor.dtype, elements(value, shape, tensor.dtype), shape)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _refuse(value: Any, reason: str) -> NoReturn:
    raise BadInput(f"JSON Value: {written(value)} {reason}")


def _listed(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"
