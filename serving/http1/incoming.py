"""What a client has sent, taken apart into requests, one at a time."""

from serving.errors import TooLarge
from serving.http1 import head as heads
from serving.http1.chunks import Chunks
from serving.http1.head import Head, HeadTooLarge


class Incoming:
    """The bytes of one connection that belong to no request that was taken.

    Attributes:
        head: of the request whose body is still coming, or None.
    """

    def __init__(self, largest_body_bytes: int) -> None:
        """Begins with nothing."""
        self.head: Head | None = None
        self._largest_body_bytes = largest_body_bytes
        self._buffer = bytearray()
        self._chunks: Chunks | None = None
        self._last_bytes = b""
        self._last_head: Head | None = None

    def __len__(self) -> int:
        """Returns how many bytes lie here unread; those of chunks do not count."""
        return len(self._buffer)

    @property
    def is_empty(self) -> bool:
        """No request has begun to come."""
        return self.head is None and not self._buffer

    @property
    def body_bytes(self) -> int:
        """How many bytes of the body have come, of the request that has a head."""
        return len(self._buffer if self._chunks is None else self._chunks.body)

    @property
    def size_bytes(self) -> int:
        """How many bytes lie here, of chunks too."""
        return len(self._buffer) + (0 if self._chunks is None else len(self._chunks.body))

    def feed(self, data: bytes) -> None:
        """Adds what has come."""
        self._buffer += data

    def take(self) -> tuple[Head, bytes] | None:
        """Returns the next request, head and body, once it is whole.

        Raises:
            ServingError: what has come is no request, or too large a one.
        """
        head = self.head or self._read_head()
        body = None if head is None else self._read_body(head)
        if head is None or body is None:
            return None
        self.head = self._chunks = None
        return head, body

    def clear(self) -> None:
        """Lets go of it all: megabytes would stay as long as the connection does."""
        self._buffer.clear()
        self.head = self._chunks = None

    def _read_head(self) -> Head | None:
        while self._buffer[:2] == b"\r\n":  # RFC 9112, 2.2: empty lines before it are let pass
            del self._buffer[:2]
        end = self._buffer.find(heads.END, 0, heads.LARGEST_BYTES)
        if end < 0:
            if len(self._buffer) > heads.LARGEST_BYTES:
                raise HeadTooLarge(f"a head may have {heads.LARGEST_BYTES:,} bytes")
            return None
        content = bytes(self._buffer[:end])
        del self._buffer[: end + len(heads.END)]
        if content != self._last_bytes or self._last_head is None:
            self._last_head, self._last_bytes = heads.parse(content), content
        self.head = head = self._last_head
        if head.length > self._largest_body_bytes:
            raise TooLarge(
                f"the body has {head.length:,} bytes; "
                f"at most {self._largest_body_bytes:,} are taken"
            )
        if head.is_chunked:
            self._chunks = Chunks(self._largest_body_bytes)
        return head

    def _read_body(self, head: Head) -> bytes | None:
        if self._chunks is not None:
            self._chunks.feed(self._buffer)
            return bytes(self._chunks.body) if self._chunks.is_whole else None
        if len(self._buffer) < head.length:
            return None
        with memoryview(self._buffer) as view:
            content = bytes(view[: head.length])
        del self._buffer[: head.length]
        return content
