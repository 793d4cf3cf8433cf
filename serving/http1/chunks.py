"""A body that comes in chunks, read piece by piece."""

import re

from serving.errors import BadInput, TooLarge

MOST_CHUNKS = 65_536
LONGEST_LINE = 4096
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


class Chunks:
    """Puts a body together of its chunks.

    Attributes:
        body: what has come.
        is_whole: nothing more belongs to the body.
    """

    def __init__(self, largest_bytes: int) -> None:
        """Begins an empty body, of `largest_bytes` at most."""
        self.body = bytearray()
        self.is_whole = False
        self._largest = largest_bytes
        self._chunks = 0
        self._missing = 0
        self._in_trailer = False

    def feed(self, buffer: bytearray) -> None:
        """Takes from the buffer's front what belongs to the body.

        Raises:
            BadInput: these are no chunks, or too many.
            TooLarge: the body grows beyond its largest size.
        """
        while not self.is_whole and (self._take_data(buffer) or self._take_line(buffer)):
            pass

    def _take_data(self, buffer: bytearray) -> bool:
        """Moves bytes of the chunk that is open; False where none is, or none are there."""
        if self._missing <= 0 or not buffer:
            return False
        part = buffer[: self._missing]
        self.body += part
        del buffer[: len(part)]
        self._missing -= len(part)
        if not self._missing:
            self._missing = -1  # its line end is still to come
        return True

    def _take_line(self, buffer: bytearray) -> bool:
        if self._missing > 0:
            return False
        end = buffer.find(b"\r\n", 0, LONGEST_LINE)
        if end < 0:
            if len(buffer) > LONGEST_LINE:
                raise BadInput("the line before a chunk is too long")
            return False
        line = bytes(buffer[:end])
        del buffer[: end + 2]
        if self._missing < 0:
            if line:
                raise BadInput("a chunk is longer than it said")
            self._missing = 0
        elif self._in_trailer:
            self.is_whole = not line
            self._count()
        else:
            self._open(line)
        return True

    def _open(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            raise BadInput("the size of a chunk is no hexadecimal number")
        self._count()
        self._missing = int(found[1], 16)
        if len(self.body) + self._missing > self._largest:
            raise TooLarge(f"the body is larger than {self._largest:,} bytes")
        self._in_trailer = self._missing == 0

    def _count(self) -> None:
        self._chunks += 1
        if self._chunks > MOST_CHUNKS:
            raise BadInput(f"a body may have {MOST_CHUNKS:,} chunks")
