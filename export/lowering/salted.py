"""`Hashing` with a salt: SipHash-2-4 of an integer's characters, keyed by the salt.

Every text of up to twenty characters is three blocks at most. All three are worked on, and where a
text has ended the state before is kept.

Source: Aumasson and Bernstein 2012, SipHash: a fast short-input PRF.
"""

from collections.abc import Sequence

import numpy as np

from export.lowering.characters import Text
from export.lowering.marks import Nodes
from export.lowering.words import Words

BLOCKS = 3
INITIAL = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
State = Sequence[str]


def write_salted(bins: int, salt: Sequence[int], nodes: Nodes, inputs: list[str]) -> list[str]:
    """Writes in which of so many bins the hash of an integer lies."""
    words, text = Words(nodes), Text(nodes, inputs[0])
    keys = [one % 2**64 for one in salt]
    state: State = [words.word(one ^ keys[i % 2]) for i, one in enumerate(INITIAL)]
    whole = nodes("Div", [text.length, nodes.constant(8, np.int64)])
    for number in range(BLOCKS):
        place = nodes.constant(number, np.int64)
        is_last = nodes("Equal", [whole, place])
        block = words.either(text.block(number), _ending(words, text, is_last))
        after = _absorbed(words, state, block)
        is_there = nodes("GreaterOrEqual", [whole, place])
        state = [words.chosen(is_there, *pair) for pair in zip(after, state, strict=True)]
    a, b, c, d = state
    state = (a, b, words.either(c, words.word(0xFF)), d)
    for _ in range(4):
        state = _round(words, state)
    return [words.remainder(words.either(*state), bins)]


def _ending(words: Words, text: Text, is_last: str) -> str:
    """The length, in the highest byte of the last block."""
    length = words.shifted(words.of(text.length), 56, "LEFT")
    return words.chosen(is_last, length, words.word(0))


def _absorbed(words: Words, state: State, block: str) -> State:
    a, b, c, d = state
    a, b, c, d = _round(words, _round(words, (a, b, c, words.either(d, block))))
    return words.either(a, block), b, c, d


def _round(words: Words, state: State) -> State:
    a, b, c, d = state
    a, c = words.sum(a, b), words.sum(c, d)
    b = words.either(words.rotated(b, 64 - 13), a)
    d = words.either(words.rotated(d, 64 - 16), c)
    a = words.rotated(a, 32)
    c, a = words.sum(c, b), words.sum(a, d)
    b = words.either(words.rotated(b, 64 - 17), c)
    d = words.either(words.rotated(d, 64 - 21), a)
    return a, b, words.rotated(c, 32), d
