"""A request as a handler gets it, and the response that it gives back."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, read whole.

    Attributes:
        method: as sent, `GET`.
        target: path and query, as sent: percent signs are not decoded.
        headers: by lower-case name.
        body: decompressed.
        began: monotonic seconds, when its first byte came.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    began: float

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, kw_only=True)
class Response:
    """What is sent back.

    Attributes:
        status: the code.
        body: whole; or pieces, which are sent as they come.
        content_type: of the body.
        headers: further ones.
    """

    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
