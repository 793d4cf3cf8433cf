"""A body that comes as gzip, inflated as far as bodies may go."""

import zlib

from serving.errors import BadInput, TooLarge


def inflated(body: bytes, coding: str, largest: int) -> bytes:
    """Returns the body itself, or what its gzip holds.

    Args:
        body: as it came.
        coding: the header content-encoding.
        largest: bytes that it may have once inflated.

    Raises:
        BadInput: it is no gzip, or not all of one.
        TooLarge: it holds more.
    """
    if "gzip" not in coding.lower():
        return body
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(body, largest + 1)
    except zlib.error as error:
        raise BadInput("the body is no gzip") from error
    if len(content) > largest:
        raise TooLarge(f"the body is larger than {largest:,} bytes when decompressed")
    if not stream.eof:
        raise BadInput("the body ends before its gzip does")
    return content
