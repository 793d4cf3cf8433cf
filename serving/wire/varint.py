"""Protobuf's numbers of one to ten bytes (protobuf.dev/programming-guides/encoding)."""


def varint(number: int) -> bytes:
    """Writes a number that is not negative: seven bits in each byte, the lowest first.

    All bytes but the last have the eighth bit set.
    """
    content = bytearray()
    while number > 127:
        content.append(number & 127 | 128)
        number >>= 7
    content.append(number)
    return bytes(content)
