"""Which header fields a request may have (RFC 9113, sections 8.2.1, 8.2.2 and 8.3.1)."""

import re
from collections.abc import Sequence

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE = re.compile(rb"[^\x00\r\n]*")
_OF_REQUESTS = {b":method", b":scheme", b":authority", b":path"}
_OF_CONNECTIONS = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
}
"""Which HTTP/1.1 has, and HTTP/2 not."""


def are_proper(fields: Sequence[tuple[bytes, bytes]]) -> bool:
    """Tells whether a request may have these fields, in this order."""
    left, is_first_part = set(_OF_REQUESTS), True
    for name, value in fields:
        if name[:1] == b":":
            if not is_first_part or name not in left:
                return False
            left.discard(name)
        elif not _NAME.fullmatch(name) or name in _OF_CONNECTIONS:
            return False
        else:
            is_first_part = False
        if not _VALUE.fullmatch(value):
            return False
    return left <= {b":authority"}
