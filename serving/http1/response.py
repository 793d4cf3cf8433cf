"""The bytes of a response."""

import functools
import http
import time
from email.utils import formatdate

from serving.http1.head import Head
from serving.http1.message import Response

LONG_BYTES = 64 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PHRASES = {499: "Client Closed Request", **{s.value: s.phrase for s in http.HTTPStatus}}


def whole(response: Response, head: Head | None, *, keeps: bool) -> tuple[bytes, ...]:
    """Writes a response whose body is known; only its head to a `HEAD` request.

    A long body stays an object of its own: a copy of it would take time and memory.
    """
    if not isinstance(response.body, bytes):
        raise TypeError("this body comes in pieces")
    body = response.body
    start = b"%sContent-Length: %d\r\n\r\n" % (_fields(response, keeps), len(body))
    if head is not None and head.method == "HEAD":
        return (start,)
    return (start + body,) if len(body) < LONG_BYTES else (start, body)


def start(response: Response, *, in_chunks: bool, keeps: bool) -> bytes:
    """Writes the head of a response whose body comes in pieces."""
    coding = b"Transfer-Encoding: chunked\r\n" if in_chunks else b""
    return _fields(response, keeps) + coding + b"\r\n"


def chunk(content: bytes) -> bytes:
    """Writes a piece of a body as a chunk; the empty one ends the body."""
    return b"%x\r\n%s\r\n" % (len(content), content)


def _fields(response: Response, keeps: bool) -> bytes:
    further = tuple(response.headers.items())
    return b"%sDate: %s\r\n" % (
        _constant(response.status, response.content_type, further, keeps),
        _date(int(time.time())),
    )


@functools.lru_cache(maxsize=256)
def _constant(
    status: int, content_type: str, further: tuple[tuple[str, str], ...], keeps: bool
) -> bytes:
    fields = [("Content-Type", content_type), *further]
    if not keeps:
        fields.append(("Connection", "close"))
    text = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n{text}".encode("latin-1")


@functools.lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
