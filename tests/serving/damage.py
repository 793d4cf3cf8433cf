"""What is done to a request, or a message, that a server then has to bear."""

SPICES = [b"[", b"]", b"{", b"}", b'"', b",", b"\\u", b"\0", b"\xff", b"1e999", b"-", b"null"]
SPICES += [b"\r\n", b": ", b"%00", b"../", b"chunked", b"9" * 30, b"NaN", b"[" * 300]


def damaged_text(content, random):
    """Cuts, doubles, flips or spices some places of a text."""
    return _damaged(content, random, 9, 40, lambda: SPICES[random.integers(len(SPICES))])


def damaged_message(content, random):
    """Flips, cuts, doubles or replaces some bytes of a message."""
    return _damaged(content, random, 5, 20, lambda: random.bytes(int(random.integers(1, 6))))


def _damaged(content, random, cut, doubled, spice):
    """Cuts fewer than `cut` bytes, doubles fewer than `doubled`, flips a bit, or puts spice in."""
    content = bytearray(content)
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(len(content) + 1))
        kind = random.integers(4)
        if kind == 0:
            del content[place : place + int(random.integers(1, cut))]
        elif kind == 1:
            content[place:place] = content[place : place + int(random.integers(1, doubled))]
        elif kind == 2 and place < len(content):
            content[place] ^= 1 << int(random.integers(8))
        else:
            content[place:place] = spice()
    return bytes(content)
