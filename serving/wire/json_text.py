"""Any JSON text to Python values, as RapidJSON reads it for TF Serving.

Beyond the standard: `NaN`, `Infinity`, `Inf` with a sign, nesting of any depth, a byte order mark,
and whatever follows the first value. Python's own parser does the work where it agrees; the other
texts, and those with an error whose words and place are to be told, are read step by step here.
Two members of one name are refused: the one meant cannot be known.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from serving.errors import BadInput

KEPT_DEPTH = 80
"""Deeper values are checked and dropped: no tensor has as many axes."""
MOST_STEPS = 20_000
"""Values read one by one; a longer text would hold up everybody else's."""
LONG = 50_000
"""Errors further on than this many characters are told in Python's words, not RapidJSON's."""
_BOM = b"\xef\xbb\xbf"
_ARRAY, _OBJECT = b"[{"
_SPACE = re.compile(rb"[ \t\r\n]*")
_OPENING = re.compile(rb"\[+")
_CLOSING = re.compile(rb"\]+")
_STRING = re.compile(rb'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]*)?")
_WORD = re.compile(rb"true|false|null|(-?)(?:NaN|Inf(?:inity)?)")
_WORDS = {b"true": True, b"false": False, b"null": None}
_LARGE_NUMBER = re.compile(rb"[0-9][0-9.]*[eE]\+?0*[1-9][0-9]{2,}|[0-9]{309,}")
_STRING_ERRORS = {
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid \\escape": "Invalid escape character in string.",
}


def parse(body: bytes) -> Any:
    """Returns the first value in a text.

    Raises:
        BadInput: the text is no JSON; in RapidJSON's words, with the offset in bytes.
    """
    body = body.removeprefix(_BOM)
    if not any(float(found[0]) == float("inf") for found in _LARGE_NUMBER.finditer(body)):
        text = body.decode("utf-8", "surrogateescape")
        try:
            start = len(text) - len(text.lstrip(" \t\r\n"))
            return _DECODER.raw_decode(text, start)[0]
        except json.JSONDecodeError as error:
            if error.pos > LONG:
                raise BadInput(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
        except (ValueError, RecursionError):
            pass
    return _Reader(body).document()


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        _refuse_twin(next(name for name in names if names.count(name) > 1))
    return members


def _refuse_twin(name: str) -> NoReturn:
    raise BadInput(f"JSON Parse error: two members of one object are named {name!r}")


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


class _Reader:
    """Reads one value without recursion.

    `kinds` holds a byte for every container that is open, `kept` the containers themselves down to
    `KEPT_DEPTH`; `is_fresh` tells that the innermost has no element yet.
    """

    def __init__(self, body: bytes) -> None:
        self.body, self.at, self.is_fresh = body, 0, False
        self.kinds = bytearray()
        self.kept: list[Any] = []
        self.name = ""
        self.root: Any = None

    def document(self) -> Any:
        if not self._peek():
            self._fail("The document is empty.")
        self._value()
        for _ in range(MOST_STEPS):
            if not self.kinds:
                return self.root
            if self.kinds[-1] == _ARRAY:
                self._in_array()
            else:
                self._in_object()
        self._fail("Too many values in a text that nests deeply or has an error.")

    def _in_array(self) -> None:
        following = self._peek()
        if following == b"]":
            self._close_arrays()
            return
        if not self.is_fresh:
            if following != b",":
                self._fail("Missing a comma or ] after an array element.")
            self.at += 1
        self._value()

    def _in_object(self) -> None:
        following = self._peek()
        if following == b"}":
            self.at += 1
            del self.kinds[-1:], self.kept[len(self.kinds) :]
            self.is_fresh = False
            return
        if not self.is_fresh:
            if following != b",":
                self._fail("Missing a comma or } after an object member.")
            self.at += 1
            following = self._peek()
        if following != b'"':
            self._fail("Missing a name for object member.")
        name = self._string()
        if self._peek() != b":":
            self._fail("Missing a colon after a name of object member.")
        self.at += 1
        if len(self.kinds) <= KEPT_DEPTH:
            if name in self.kept[-1]:
                _refuse_twin(name)
            self.name = name
        self._value()

    def _value(self) -> None:
        following = self._peek()
        if following == b"[":
            self._open_arrays()
        elif following == b"{":
            self.at += 1
            self._push(_OBJECT)
        elif following == b'"':
            self._add(self._string())
        elif following.isdigit() or following == b"-":
            self._add(self._number())
        else:
            self._add(self._word())

    def _open_arrays(self) -> None:
        run = _OPENING.match(self.body, self.at)
        end = run.end() if run else self.at
        while self.at < end:
            self.at += 1
            if len(self.kinds) > KEPT_DEPTH:  # nothing is kept: all of the run at once
                self.kinds += b"[" * (end - self.at + 1)
                self.at, self.is_fresh = end, True
                return
            self._push(_ARRAY)

    def _close_arrays(self) -> None:
        run = _CLOSING.match(self.body, self.at)
        closing = run.end() - self.at if run else 0
        closing = min(closing, len(self.kinds) - len(self.kinds.rstrip(b"[")))
        self.at += closing
        del self.kinds[-closing:], self.kept[len(self.kinds) :]
        self.is_fresh = False

    def _push(self, kind: int) -> None:
        if len(self.kinds) < KEPT_DEPTH:
            container: Any = [] if kind == _ARRAY else {}
            self._add(container)
            self.kept.append(container)
        elif len(self.kinds) == KEPT_DEPTH:
            self.kept.append([] if kind == _ARRAY else {})
        self.kinds.append(kind)
        self.is_fresh = True

    def _add(self, value: Any) -> None:
        self.is_fresh = False
        if not self.kinds:
            self.root = value
        elif len(self.kinds) > KEPT_DEPTH:
            return
        elif self.kinds[-1] == _ARRAY:
            self.kept[-1].append(value)
        else:
            self.kept[-1][self.name] = value

    def _number(self) -> int | float:
        found = _NUMBER.match(self.body, self.at)
        if found is None:
            return float(self._word())  # -Infinity
        fraction, exponent = found.groups()
        if fraction == b".":
            self._fail("Miss fraction part in number.", found.end(1))
        if exponent and not exponent[-1:].isdigit():
            self._fail("Miss exponent in number.", found.end(2))
        self.at = found.end()
        if not fraction and not exponent and len(found[0]) < 20:
            return int(found[0])
        value = float(found[0])
        if value in (float("inf"), float("-inf")):
            self._fail("Number too big to be stored in double.", found.start())
        if fraction or exponent or not -(2**63) <= int(found[0]) < 2**64:
            return value
        return int(found[0])

    def _word(self) -> Any:
        found = _WORD.match(self.body, self.at)
        if found is None:
            self._fail("Invalid value.")
        self.at = found.end()
        word = found[0]
        return _WORDS[word] if word in _WORDS else float(word)

    def _string(self) -> str:
        found = _STRING.match(self.body, self.at)
        if found is None:
            rest = self.body[self.at + 1 :].split(b'"', 1)[0]
            control = next((place for place, byte in enumerate(rest) if byte < 32), None)
            if control is not None:
                self._fail("Invalid encoding in string.", self.at + 1 + control)
            self._fail("Missing a closing quotation mark in string.", len(self.body))
        text = found[0].decode("utf-8", "surrogateescape")
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            words = next((w for s, w in _STRING_ERRORS.items() if s in error.msg), error.msg)
            self._fail(words, self.at + len(text[: error.pos].encode("utf-8", "surrogateescape")))
        if "\\u" in text and any("\ud800" <= letter <= "\udfff" for letter in value):
            self._fail("The surrogate pair in string is invalid.")
        self.at = found.end()
        return str(value)

    def _peek(self) -> bytes:
        """Skips white space and returns the next byte; none at the end, or where a NUL ends it."""
        space = _SPACE.match(self.body, self.at)
        self.at = space.end() if space else self.at
        return self.body[self.at : self.at + 1].replace(b"\0", b"")

    def _fail(self, words: str, offset: int | None = None) -> NoReturn:
        raise BadInput(
            f"JSON Parse error: {words} at offset: {self.at if offset is None else offset}"
        )
