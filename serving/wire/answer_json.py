"""Arrays to the JSON that TF Serving answers with, laid out as it lays it out.

Row form gives one element for each row, columnar form one tensor for each output; a single output
goes without its name. Strings of tensors whose name ends in `_bytes` are written as base64.
"""

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from serving.errors import BadInput
from serving.wire.datatypes import of_array
from serving.wire.decimals import decimals

_ONE_LINE = ", "
_ELEMENTS_AT_ONCE = 4096
Arrays = Mapping[str, np.ndarray]


def predictions(outputs: Arrays) -> bytes:
    """Writes the answer to a request in row form.

    Raises:
        BadInput: an output has no batch axis, or another batch size than the others, or a type
            that JSON has no form for.
    """
    rows = _batch_size(outputs)
    write = _values if len(outputs) == 1 else _objects
    parts: list[str] = []
    for part in _in_parts(outputs):
        parts += write(part)
    body = (_ONE_LINE if len(outputs) == 1 else ",").join(parts)
    close = "\n    ]" if rows else "]"
    return _encoded(f'{{\n    "predictions": [{body}{close}\n}}')


def outputs(tensors: Arrays) -> bytes:
    """Writes the answer to a request in columnar form.

    Raises:
        BadInput: there is no output, or one of a type that JSON has no form for.
    """
    _refuse_none(tensors)
    if len(tensors) == 1:
        ((name, array),) = tensors.items()
        body = _laid_out(name, array, 1)
    else:
        members = ",\n".join(
            f"        {_string(name)}: {_laid_out(name, array, 2)}"
            for name, array in tensors.items()
        )
        body = f"{{\n{members}\n    }}"
    return _encoded(f'{{\n    "outputs": {body}\n}}')


def classifications(results: Sequence[Sequence[tuple[str, np.floating]]]) -> bytes:
    """Writes `[label, score]` pairs, a list of them for each example.

    Raises:
        BadInput: there is no example.
    """
    if not results:
        raise BadInput("Cannot convert empty ClassificationResults to JSON")
    elements = []
    for pairs in results:
        scores = decimals(np.array([score for _, score in pairs], np.float32))
        listed = [
            f"[{_string(label)}, {score}]" for (label, _), score in zip(pairs, scores, strict=True)
        ]
        elements.append(f"[{_ONE_LINE.join(listed)}]")
    return _results(elements)


def regressions(values: np.ndarray) -> bytes:
    """Writes a number for each example.

    Raises:
        BadInput: there is no example.
    """
    if not values.size:
        raise BadInput("Cannot convert empty RegressionResults to JSON")
    return _results(decimals(values.astype(np.float32)))


def error(message: str) -> bytes:
    """Writes what every failed request is answered with; bytes that are no UTF-8 become `?`."""
    return f'{{\n    "error": {_string(message)}\n}}'.encode("utf-8", "replace")


def _results(elements: Sequence[str]) -> bytes:
    return _encoded(f'{{\n    "results": [{_ONE_LINE.join(elements)}\n    ]\n}}')


def _batch_size(outputs: Arrays) -> int:
    _refuse_none(outputs)
    size = -1
    for name, array in outputs.items():
        if array.ndim == 0:
            raise BadInput(f"Tensor name: {name} has no shape information ")
        if size not in (-1, len(array)):
            raise BadInput(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {size}"
            )
        size = len(array)
    return size


def _refuse_none(tensors: Arrays) -> None:
    if not tensors:
        raise BadInput("Cannot convert empty tensor map to JSON")


def elements_of(name: str, array: np.ndarray) -> list[str]:
    """Writes every element of an output, in order.

    Raises:
        BadInput: JSON has no form for its type.
    """
    datatype = of_array(array)
    write = _WRITERS.get(datatype.name) if datatype else None
    if datatype is None or write is None:
        word = datatype.word if datatype else array.dtype.name
        raise BadInput(f"Failed to write JSON value for tensor type: {word}")
    if datatype.name == "string" and name.endswith("_bytes"):
        return [f'{{"b64": "{_base64(value)}"}}' for value in array.ravel().tolist()]
    return write(array)


def _integers(array: np.ndarray) -> list[str]:
    return [str(value) for value in array.ravel().tolist()]


def _booleans(array: np.ndarray) -> list[str]:
    return ["true" if value else "false" for value in array.ravel().tolist()]


def _strings(array: np.ndarray) -> list[str]:
    return [_string(_text(value)) for value in array.ravel().tolist()]


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def _base64(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def _in_parts(outputs: Arrays) -> Iterable[Arrays]:
    """Takes some rows at a time: the text of each number is an object, and larger than it."""
    largest = max(outputs.values(), key=_elements)
    if largest.size <= _ELEMENTS_AT_ONCE:
        return (outputs,)
    step = max(1, _ELEMENTS_AT_ONCE * len(largest) // largest.size)
    return (
        {name: array[start : start + step] for name, array in outputs.items()}
        for start in range(0, len(largest), step)
    )


def _elements(array: np.ndarray) -> int:
    return array.size


def _values(outputs: Arrays) -> list[str]:
    ((name, array),) = outputs.items()
    return _rows(name, array)


def _objects(outputs: Arrays) -> list[str]:
    names = [_string(name) for name in outputs]
    columns = [_rows(name, array) for name, array in outputs.items()]
    return [
        "\n        {\n"
        + ",\n".join(f"            {n}: {e}" for n, e in zip(names, elements, strict=True))
        + "\n        }"
        for elements in zip(*columns, strict=True)
    ]


def _rows(name: str, array: np.ndarray) -> list[str]:
    """Writes each row; brackets are put around the innermost lists first."""
    texts = elements_of(name, array)
    for axis in range(array.ndim - 1, 0, -1):
        texts = [f"[{_ONE_LINE.join(one)}]" for one in _lists(texts, array.shape, axis)]
    return texts


def _laid_out(name: str, array: np.ndarray, depth: int) -> str:
    """Puts every element on a line of its own."""
    if array.ndim == 0:
        return elements_of(name, array)[0]
    texts: list[str] = []
    for part in _in_parts({name: array}):
        rows = elements_of(name, part[name])
        for axis in range(array.ndim - 1, 0, -1):
            lists = _lists(rows, part[name].shape, axis)
            rows = [_on_lines(one, depth + axis) for one in lists]
        texts += rows
    return _on_lines(texts, depth)


def _lists(texts: list[str], shape: Sequence[int], axis: int) -> Iterator[list[str]]:
    """Groups the texts of what lies along an axis."""
    size = shape[axis]
    for place in range(math.prod(shape[:axis])):
        yield texts[place * size : (place + 1) * size]


def _on_lines(texts: list[str], depth: int) -> str:
    inner, outer = "\n" + "    " * (depth + 1), "\n" + "    " * depth
    return f"[{inner}{f',{inner}'.join(texts)}{outer}]" if texts else "[]"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_WRITERS: dict[str, Callable[[np.ndarray], list[str]]] = {
    "float32": decimals,
    "float64": decimals,
    "bool": _booleans,
    "string": _strings,
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"), _integers),
}
