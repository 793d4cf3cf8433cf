"""Text as tokens, one for each character, so that every string comes back as it was.

The first sixteen tokens are half bytes. A character without a token of its own, because it was
rare or never seen, is written as the half bytes of its UTF-8 form, the upper half first; like the
byte fallback of SentencePiece (Kudo and Richardson 2018), with 16 tokens instead of 256.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

HALF_BYTES = 16
"""Tokens 0 to 15; a character's own token is its place in the vocabulary plus this."""
LARGEST_VOCABULARY = 1000
"""Rarer characters are written as half bytes: they would cost every step, and are never learned."""


def vocabulary_of(text: str) -> tuple[str, ...]:
    """Returns the most frequent characters of a text, in the order of their code points."""
    common = Counter(text).most_common(LARGEST_VOCABULARY)
    return tuple(sorted(character for character, _ in common))


def encode(text: str, vocabulary: Sequence[str]) -> np.ndarray:
    """Turns a string into tokens.

    Args:
        text: any string that has a UTF-8 form.
        vocabulary: characters, sorted by code point.

    Returns:
        int32 [tokens].

    Raises:
        ValueError: the text holds half of a surrogate pair, which has no UTF-8 form.
    """
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    known = np.array([ord(character) for character in vocabulary], np.uint32)
    place = np.searchsorted(known, points)
    is_known = known[np.minimum(place, len(known) - 1)] == points if len(known) else place < 0
    tokens = (place + HALF_BYTES).astype(np.int32)
    if np.all(is_known):
        return tokens
    pieces, start = [], 0
    for at in np.flatnonzero(~is_known).tolist():
        content = np.frombuffer(text[at].encode(), np.uint8)
        halves = np.stack([content >> 4, content & 15], axis=1).ravel()
        pieces += [tokens[start:at], halves.astype(np.int32)]
        start = at + 1
    return np.concatenate([*pieces, tokens[start:]])


def decode(tokens: np.ndarray, vocabulary: Sequence[str]) -> str:
    """Turns tokens back into a string; half bytes that form no character become U+FFFD."""
    content, upper = bytearray(), None
    for token in tokens.tolist():
        if token >= HALF_BYTES:
            if upper is not None:
                content += b"\xff"
            upper = None
            content += vocabulary[token - HALF_BYTES].encode()
        elif upper is None:
            upper = token
        else:
            content.append(upper << 4 | token)
            upper = None
    if upper is not None:
        content += b"\xff"
    return content.decode(errors="replace")


def count(tokens: np.ndarray) -> int:
    """Returns how many characters rows of tokens stand for."""
    total = int(np.sum(tokens >= HALF_BYTES))
    for row in np.atleast_2d(tokens):
        total += len(decode(row[row < HALF_BYTES], ()))
    return total
