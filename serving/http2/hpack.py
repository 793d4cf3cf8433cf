"""Header fields of HTTP/2 (HPACK, RFC 7541): read with all it allows, written without tables."""

from serving.http2 import huffman

LARGEST_TABLE = 4096
"""Bytes of the fields that a client may refer to again; the protocol's own default."""
LARGEST_LIST = 32 * 1024
"""Bytes of all fields of one request, counted as RFC 7541 does; a few bytes can stand for many."""
_OVERHEAD = 32
_MOST_KNOWN = 64
_MOST_LIMITS = 2
"""Sizes of the table before the fields of a block: the smallest that it had, and the last."""
_STATIC = (
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
)

Field = tuple[bytes, bytes]


class Reader:
    """Reads the blocks of one connection, in order."""

    def __init__(self) -> None:
        """Begins with an empty table."""
        self._entries: list[Field] = []
        self._size, self._limit = 0, LARGEST_TABLE
        self._known: dict[bytes, list[Field]] = {}

    def fields(self, block: bytes) -> list[Field]:
        """Returns the fields of a block, in order.

        Raises:
            ValueError: it is no such block, or stands for too much.
        """
        known = self._known.get(block)
        if known is not None:
            return known
        try:
            found, is_repeatable = self._read(block)
        except IndexError as error:
            raise ValueError("a block of header fields ends too early") from error
        if is_repeatable and len(self._known) < _MOST_KNOWN:
            self._known[block] = found
        return found

    def _read(self, block: bytes) -> tuple[list[Field], bool]:
        """Returns fields, and whether the same block will mean the same again."""
        found: list[Field] = []
        place, size, limits, is_repeatable = 0, 0, 0, True
        while place < len(block):
            first = block[place]
            if first & 0x80:
                number, place = _integer(block, place, 7)
                field = self._entry(number)
            elif first & 0xE0 == 0x20:
                limit, place = _integer(block, place, 5)
                limits += 1
                if found or limit > LARGEST_TABLE or limits > _MOST_LIMITS:
                    raise ValueError("the table of header fields cannot be of that size")
                self._limit, is_repeatable = limit, False
                self._evict()
                continue
            else:
                is_kept = first & 0xC0 == 0x40
                number, place = _integer(block, place, 6 if is_kept else 4)
                name, place = (self._entry(number)[0], place) if number else _text(block, place)
                value, place = _text(block, place)
                field = name, value
                if is_kept:
                    is_repeatable = False
                    self._add(field)
            size += _size(field)
            if size > LARGEST_LIST:
                raise ValueError(f"header fields may have {LARGEST_LIST:,} bytes")
            found.append(field)
        return found, is_repeatable

    def _entry(self, number: int) -> Field:
        if not number:
            raise ValueError("there is no header field 0")
        if number <= len(_STATIC):
            return _STATIC[number - 1]
        return self._entries[-(number - len(_STATIC))]

    def _add(self, field: Field) -> None:
        self._entries.append(field)
        self._size += _size(field)
        self._evict()

    def _evict(self) -> None:
        self._known.clear()
        gone = 0
        while self._size > self._limit:
            self._size -= _size(self._entries[gone])
            gone += 1
        del self._entries[:gone]


def literal(name: bytes, value: bytes) -> bytes:
    """Writes a field that no table keeps."""
    return b"\x00" + _written(name) + _written(value)


def _written(text: bytes) -> bytes:
    length = len(text)
    if length < 127:
        return b"%c%s" % (length, text)
    rest, head = length - 127, bytearray(b"\x7f")
    while rest > 127:
        head.append(rest & 127 | 128)
        rest >>= 7
    head.append(rest)
    return bytes(head) + text


def _size(field: Field) -> int:
    return len(field[0]) + len(field[1]) + _OVERHEAD


def _integer(block: bytes, place: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[place] & most
    place += 1
    if value < most:
        return value, place
    for shift in range(0, 35, 7):
        byte = block[place]
        place += 1
        value += (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number among header fields is too large")


def _text(block: bytes, place: int) -> tuple[bytes, int]:
    is_huffman = block[place] & 0x80
    length, place = _integer(block, place, 7)
    content = block[place : place + length]
    if len(content) < length:
        raise ValueError("a block of header fields ends within a string")
    return huffman.decoded(content) if is_huffman else content, place + length
