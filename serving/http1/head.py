"""The head of a request: request line and fields, by the letter of RFC 9112.

Nothing is repaired: a proxy that reads a doubtful head in another way than its server can be made
to smuggle requests past itself. So two lengths, a length beside chunks, folded lines, bare line
feeds, and control characters are refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from serving.errors import BadInput, DeadlineExceeded, TooLarge, Unsupported

LARGEST_BYTES = 32 * 1024
MOST_FIELDS = 100
END = b"\r\n\r\n"
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,24}) ([\x21-\x7e]+) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_ABSOLUTE = re.compile(r"https?://[^/?]*", re.IGNORECASE)
_ONCE = {"content-length", "transfer-encoding", "content-encoding", "content-type", "host"}


class HeadTooLarge(TooLarge):
    """A head has more bytes than the server takes."""

    http_status = 431


class RequestTimeout(DeadlineExceeded):
    """The client took too long to send its request."""

    http_status = 408


@dataclass(frozen=True, kw_only=True)
class Head:
    """A request but for its body.

    Attributes:
        method, target, headers: as in `Request`.
        length: bytes of the body; 0 where it comes in chunks.
        is_chunked: the body comes in chunks.
        keeps_alive: another request may follow.
        takes_chunks: the answer may come in chunks.
        expects_continue: the client waits for a word before it sends the body.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    length: int
    is_chunked: bool
    keeps_alive: bool
    takes_chunks: bool
    expects_continue: bool


def parse(content: bytes) -> Head:
    """Reads a head, without the empty line at its end.

    Raises:
        BadInput: it is not what RFC 9112 allows.
        Unsupported: the body comes in a coding other than chunks.
    """
    line, *lines = content.split(b"\r\n")
    found = _LINE.fullmatch(line)
    if found is None:
        raise BadInput("the request line is not of HTTP/1.1")
    method, target, minor = found[1].decode(), found[2].decode(), int(found[3])
    headers = _fields(lines)
    is_chunked = _is_chunked(headers, minor)
    connection = headers.get("connection", "").lower()
    return Head(
        method=method,
        target=_ABSOLUTE.sub("", target) or "/",
        headers=headers,
        length=_length(headers),
        is_chunked=is_chunked,
        keeps_alive="close" not in connection and (minor == 1 or "keep-alive" in connection),
        takes_chunks=minor == 1,
        expects_continue=minor == 1 and headers.get("expect", "").lower() == "100-continue",
    )


def _fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MOST_FIELDS:
        raise BadInput(f"a request may have {MOST_FIELDS} header fields, not {len(lines)}")
    headers: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadInput("a header field is not of the form `name: value`")
        name, value = found[1].decode().lower(), found[2].decode("latin-1").rstrip(" \t")
        if name in headers:
            if name in _ONCE:
                raise BadInput(f"{name} is there twice")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadInput("content-length is no whole number")
    return int(text)


def _is_chunked(headers: Mapping[str, str], minor: int) -> bool:
    coding = headers.get("transfer-encoding")
    if coding is None:
        return False
    if minor == 0 or "content-length" in headers:
        raise BadInput("transfer-encoding does not go with HTTP/1.0 or with content-length")
    if coding.lower() != "chunked":
        raise Unsupported(f"transfer-encoding {coding[:40]!r}: only chunked is known")
    return True
