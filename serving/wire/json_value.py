"""How TF Serving writes a JSON value, and the name of its type, in a message about it."""

import json
from collections.abc import Iterator
from typing import Any

LONGEST = 256
"""A value is broken off at the first token past this many characters."""


def written(value: Any) -> str:
    """Writes a value as RapidJSON's PrettyWriter does with arrays on one line, broken off."""
    text = ""
    for token in _tokens(value, 0, ""):
        if len(text.encode("utf-8", "surrogateescape")) >= LONGEST:
            break
        text += token
    return text.encode("utf-8", "replace").decode()


def type_name(value: Any) -> str:
    """Returns the name of a value's JSON type, as RapidJSON has it."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return "Number"
    return {type(None): "Null", dict: "Object", list: "Array", str: "String"}[type(value)]


def _tokens(value: Any, depth: int, before: str) -> Iterator[str]:
    """`before` is what precedes the value on its line; it goes with the value's first token."""
    if isinstance(value, dict):
        yield before + "{"
        comma = ""
        for name, member in value.items():
            yield f"{comma}\n{'    ' * (depth + 1)}{_string(name)}"
            yield from _tokens(member, depth + 1, ": ")
            comma = ","
        yield f"\n{'    ' * depth}}}" if value else "}"
    elif isinstance(value, list):
        yield before + "["
        for place, element in enumerate(value):
            yield from _tokens(element, depth + 1, ", " if place else "")
        yield "]"
    else:
        yield before + (_string(value) if isinstance(value, str) else json.dumps(value))


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
