"""Strings in HPACK's Huffman code (RFC 7541, appendix B).

The code is canonical: codes of one length follow each other in the order of their symbols, and
longer ones follow shorter ones. So the lengths alone are the whole table.
"""

import functools
from bisect import bisect_right

_LENGTHS = [
    ord(letter) - ord("a") + 5
    for letter in (
        "isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibcccccccccccccc"
        "ccccccccdcdioijbkabababbbaccbbbabcbaabccccckgjixprpprrrsrssssststtrstssssqrsrsst"
        "rqprrssqsrrtqrssqqrqsrssprrrsrrsvvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsrruuttvs"
        "vwvvwwwwwxwwwwwvz"
    )
]
"""Bits of the code of every byte, and of the end; `a` stands for 5."""
_END, _LONGEST = 256, 30
_SYMBOLS = sorted(range(len(_LENGTHS)), key=lambda symbol: (_LENGTHS[symbol], symbol))


def _starts() -> list[int]:
    """Returns every symbol's code in the order of codes, followed by zeros up to 30 bits."""
    starts, start = [], 0
    for symbol in _SYMBOLS:
        starts.append(start)
        start += 1 << (_LONGEST - _LENGTHS[symbol])
    return starts


_STARTS = _starts()


@functools.lru_cache(maxsize=1024)
def decoded(content: bytes) -> bytes:
    """Returns the bytes that a string stands for.

    Raises:
        ValueError: it is no such code, or is not filled up with ones.
    """
    found = bytearray()
    bits = count = place = 0
    while True:
        while count < _LONGEST and place < len(content):
            bits, count, place = bits << 8 | content[place], count + 8, place + 1
        ones = max(_LONGEST - count, 0)
        window = (bits << ones | (1 << ones) - 1) if ones else bits >> (count - _LONGEST)
        symbol = _SYMBOLS[bisect_right(_STARTS, window) - 1]
        length = _LENGTHS[symbol]
        if symbol == _END or length > count:
            break
        found.append(symbol)
        count -= length
        bits &= (1 << count) - 1
    if count > 7 or bits != (1 << count) - 1:
        raise ValueError("a string ends within a Huffman code")
    return bytes(found)
