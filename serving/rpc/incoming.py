"""Messages out of a call's data: where they are kept, how fast they come, how much of them may.

Source: grpc/grpc doc/PROTOCOL-HTTP2.md.
"""

import struct
import zlib
from typing import Protocol

from serving.errors import BadInput, DeadlineExceeded, Overloaded, TooLarge, Unsupported
from serving.http2.stream import FIRST_WINDOW, Stream
from serving.intake import Intake, Share
from serving.rpc.buffers import Buffers

MOST_MESSAGES = 64
"""Of one call that wait to be read; of long ones there may be one."""
STEP_BYTES = 4 * 2**20
"""Of a long message that are let in at once."""
PREFIX = struct.Struct(">BI")
"""Before each message: whether it is compressed, and its length."""
_WBITS = {b"gzip": zlib.MAX_WBITS | 16, b"deflate": zlib.MAX_WBITS}


class Owner(Protocol):
    """Of all calls of a process.

    Attributes:
        largest_bytes: of a message.
        buffers: for messages.
        intake: how many bytes of messages there may be at the same time.
        patience_seconds: for a call to come.
        slowest_bytes_per_second: at which it must come where it takes longer.
    """

    largest_bytes: int
    buffers: Buffers
    intake: Intake
    patience_seconds: float
    slowest_bytes_per_second: float


class Incoming:
    """What the client of one call sends.

    Attributes:
        messages: that are whole and not taken.
    """

    def __init__(self, stream: Stream, owner: Owner, encoding: bytes) -> None:
        """Begins with nothing; `encoding` is that of messages which are compressed."""
        self.messages: list[memoryview] = []
        self._stream, self._owner, self._encoding = stream, owner, encoding
        self._prefix = bytearray(PREFIX.size)
        self._filled, self._is_compressed = 0, False
        self._space: memoryview | None = None
        self._taken_bytes = 0  # of what could not wait
        self._share: Share | None = None  # of a message that can
        self._came = 0
        self._due_bytes, self._due_at = 0.0, float("inf")

    @property
    def is_within(self) -> bool:
        """A message has begun to come and is not whole."""
        return bool(self._filled) or self._space is not None

    def space(self, most_bytes: int) -> memoryview:
        """Returns where the next bytes of a message go."""
        into = memoryview(self._prefix) if self._space is None else self._space
        return into[self._filled : self._filled + most_bytes]

    def came(self, count: int) -> bool:
        """So many bytes are there; tells whether a message is whole by that.

        Raises:
            ServingError: it cannot be taken.
        """
        self._filled += count
        self._came += count
        if self._space is None and self._filled == PREFIX.size:
            self._begin(*PREFIX.unpack(self._prefix))
        if self._space is None:
            return False
        if self._filled == len(self._space):
            self._end(self._space)
            return True
        if self._stream.window < len(self._space) - self._filled:
            self._let_in()
        return False

    def release(self) -> None:
        """Nobody needs any more what has come so far."""
        if self._space is None:
            self.end()
        if self._stream.window < FIRST_WINDOW // 2 and not self._stream.is_whole:
            self._stream.allow(FIRST_WINDOW - self._stream.window)

    def end(self) -> None:
        """Nothing of it is needed any more."""
        if self._taken_bytes:
            self._owner.intake.give_back(self._taken_bytes)
            self._taken_bytes = 0
        if self._share is not None:
            self._share.give_back()
            self._share = None

    def check_time(self, now: float, stood_still_seconds: float) -> None:
        """Sees to it that what has begun goes on, in windows of time that each have their bytes.

        Raises:
            DeadlineExceeded: too little has come.
        """
        if self._share is not None and self._share.waits:
            self._due_at = float("inf")
            return
        patience = self._owner.patience_seconds
        self._due_at += stood_still_seconds
        if now > self._due_at and self._came < self._due_bytes:
            raise DeadlineExceeded("the call did not come in time")
        if now > self._due_at or self._due_at == float("inf"):
            self._due_at = now + patience
            self._due_bytes = self._came + patience * self._owner.slowest_bytes_per_second

    def rest(self) -> None:
        """Nothing is to come just now."""
        self._due_at = float("inf")

    def _begin(self, flag: int, length: int) -> None:
        if flag > 1:
            raise BadInput("a message begins with neither 0 nor 1")
        if length > self._owner.largest_bytes:
            raise TooLarge(
                f"the message has {length:,} bytes; at most {self._owner.largest_bytes:,} are taken"
            )
        if len(self.messages) >= MOST_MESSAGES or (self.messages and self._share is not None):
            raise TooLarge("there are too many messages")
        self._hold(min(length, FIRST_WINDOW))  # what is on its way cannot be held back
        self._is_compressed, self._filled = bool(flag), 0
        self._space = self._owner.buffers.take(length)
        if self._stream.window < length:
            self._let_in()

    def _hold(self, size_bytes: int) -> None:
        intake = self._owner.intake
        if not intake.take(size_bytes):
            raise Overloaded(f"{intake.short_bytes:,} bytes of requests are held: try again later")
        self._taken_bytes += size_bytes

    def _let_in(self) -> None:
        """Widens the stream's window by as much of the message as there is room for."""
        if self._space is None:
            return
        length, held = len(self._space), FIRST_WINDOW
        if length > FIRST_WINDOW:
            share = self._share = self._share or self._owner.intake.share(self._let_in)
            held += share.held_bytes
            if not share.waits and held < length and held - self._filled < STEP_BYTES // 2:
                share.ask(min(length, held + STEP_BYTES) - FIRST_WINDOW)
                held = FIRST_WINDOW + share.held_bytes
        short = min(length, held) - self._filled - self._stream.window
        if short > 0 and (short >= STEP_BYTES // 4 or held >= length):
            self._stream.allow(short)

    def _end(self, message: memoryview) -> None:
        self._space, self._filled = None, 0
        if self._is_compressed:
            message = memoryview(self._inflated(message))
            self._hold(len(message))
        self.messages.append(message)

    def _inflated(self, content: memoryview) -> bytes:
        wbits = _WBITS.get(self._encoding)
        if wbits is None:
            raise Unsupported(f"messages in {self._encoding.decode('latin-1')!r} are not read")
        most = self._owner.largest_bytes
        try:
            reader = zlib.decompressobj(wbits)
            found = reader.decompress(content, most + 1)
        except zlib.error as error:
            raise BadInput(f"the message cannot be decompressed: {error}") from error
        if len(found) > most:
            raise TooLarge(f"the message has more than {most:,} bytes")
        if not reader.eof:
            raise BadInput(f"the message ends before its {self._encoding.decode()} does")
        return found
