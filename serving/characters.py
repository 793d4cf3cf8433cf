"""Text as tokens, as a text generator reads and writes it; the same as in `keras_models/`.

The first sixteen tokens are half bytes: a character that has no token of its own is written as
those of its UTF-8 form, the upper half first.
"""

import codecs
from collections.abc import Iterable, Sequence

import numpy as np

from serving.errors import BadInput

CHARACTERS = "characters"
"""What the manifest calls the codec between a text and its tokens."""
HALF_BYTES = 16
PADDING = -1
"""What stands after the end of a shorter text where several are one batch."""


def encode(text: str, vocabulary: Sequence[str]) -> np.ndarray:
    """Turns a string into tokens, int32 [tokens].

    Raises:
        BadInput: it holds half of a surrogate pair, which is no character.
    """
    own = {character: number for number, character in enumerate(vocabulary, start=HALF_BYTES)}
    tokens: list[int] = []
    for place, character in enumerate(text):
        if character in own:
            tokens.append(own[character])
            continue
        try:
            content = character.encode()
        except UnicodeEncodeError as error:
            raise BadInput(f"the text holds half a character at position {place}") from error
        tokens += [half for byte in content for half in (byte >> 4, byte & 15)]
    return np.array(tokens, np.int32)


def decode(tokens: Iterable[int], vocabulary: Sequence[str]) -> str:
    """Turns tokens into a string; half bytes that form no character become U+FFFD."""
    reader = Reader(vocabulary)
    return "".join([reader.read(int(token)) for token in tokens]) + reader.end()


class Reader:
    """Turns tokens into characters one by one, as they come."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Begins a text."""
        self._vocabulary = vocabulary
        self._upper: int | None = None
        self._is_within_character = False
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def is_between_characters(self) -> bool:
        """Nothing of a character was read that is still to be completed."""
        return self._upper is None and not self._utf8.getstate()[0]

    def read(self, token: int) -> str:
        """Returns what a token completes: mostly one character, or nothing yet."""
        if token >= HALF_BYTES:
            own = self._vocabulary[token - HALF_BYTES]
            return self.end() + own if self._is_within_character else own
        self._is_within_character = True
        if self._upper is None:
            self._upper = token
            return ""
        byte, self._upper = bytes([self._upper << 4 | token]), None
        return self._utf8.decode(byte)

    def end(self) -> str:
        """Returns what stands for a character that was begun and never completed."""
        rest = b"" if self._upper is None else b"\xff"
        self._upper, self._is_within_character = None, False
        text = self._utf8.decode(rest, final=True)
        self._utf8.reset()
        return text
