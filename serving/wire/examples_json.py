"""A classify or regress request in JSON to `tf.train.Example`s, as TF Serving reads it.

`{"examples": [{"feature": value or list, …}, …], "context": {…}}`: whole numbers and truth values
are int64 features, decimals float features, strings and `{"b64": …}` bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.errors import BadInput
from serving.wire import json_text
from serving.wire.json_tensor import decode_base64, is_base64
from serving.wire.json_value import type_name, written
from serving.wire.messages import message
from serving.wire.predict_json import signature_name

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


@dataclass(frozen=True, kw_only=True)
class ExamplesJSON:
    """What a classify or regress request says.

    Attributes:
        signature: its name, empty for the default one.
        examples: each serialized, the context that they share before it.
    """

    signature: str
    examples: list[bytes]


def parse(body: bytes) -> ExamplesJSON:
    """Reads a request.

    Raises:
        BadInput: it is no such request.
    """
    document = json_text.parse(body)
    signature = signature_name(document)
    context = _example(document["context"]) if "context" in document else b""
    if "examples" not in document:
        raise BadInput(
            f"JSON Value: {written(document)} "
            "When method is classify, key 'examples' is expected and was not found"
        )
    examples = document["examples"]
    if not isinstance(examples, list):
        raise BadInput(
            f"JSON Value: {written(document)} Expecting 'examples' value to be an list/array"
        )
    if not examples:
        raise BadInput(f"JSON Value: {written(document)} 'examples' value is an empty array")
    return ExamplesJSON(signature=signature, examples=[context + _example(one) for one in examples])


def _example(value: Any) -> bytes:
    if not isinstance(value, Mapping):
        raise BadInput(f"Example must be JSON object but got JSON {type_name(value)}")
    example = message("tensorflow.Example")()
    for name, content in value.items():
        feature = example.features.feature[_text(name)]
        for element in content if isinstance(content, list) else [content]:
            _add(name, element, feature)
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def _add(name: str, value: Any, feature: Any) -> None:
    if isinstance(value, str) or is_base64(value):
        _list(name, feature, "bytes_list").append(
            value.encode("utf-8", "replace") if isinstance(value, str) else _bytes(value)
        )
    elif isinstance(value, int):  # True and False too
        if value > 2**63 - 1:
            raise BadInput(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
        _list(name, feature, "int64_list").append(int(value))
    elif isinstance(value, float):
        _list(name, feature, "float_list").append(value)
    else:
        raise BadInput(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")


def _bytes(value: Mapping[str, str]) -> bytes:
    return decode_base64(value["b64"])


def _list(name: str, feature: Any, kind: str) -> Any:
    """Returns the feature's values, if it has none of another kind."""
    found = feature.WhichOneof("kind")
    if found not in (None, kind):
        raise BadInput(
            f"Unexpected element type in feature: {name} expecting type: {_KINDS[found]}"
        )
    return getattr(feature, kind).value


def _text(name: str) -> str:
    return name.encode("utf-8", "replace").decode()
