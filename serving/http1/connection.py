"""One client's connection: requests in, one at a time, responses out.

Everything that a client could stretch has an end: a head, a body, silence, an answer that it does
not take. `check_time` is called from outside, every half second or so; there is no timer for each
connection.
"""

import asyncio
import logging
from typing import cast

from serving.errors import BadInput, DeadlineExceeded, ServingError
from serving.http1 import sockets
from serving.http1.compression import inflated
from serving.http1.deadline import Deadline
from serving.http1.head import Head, RequestTimeout
from serving.http1.incoming import Incoming
from serving.http1.message import Request, Response
from serving.http1.owner import Owner
from serving.http1.pace import Pace
from serving.http1.response import CONTINUE, chunk, start, whole

LOG = logging.getLogger(__name__)
IDLE_SECONDS = 75.0
"""Between two requests on a connection."""
LINGER_SECONDS = 2.0
"""After a request that was refused unread."""
CLEAN, BUSY, SENDING = 0, 1, 2
"""All that was read is answered; not all; an answer is partly sent."""
LITTLE_BYTES = 256 * 1024
"""Of a body that there is always room for; of following requests that are read meanwhile."""


class Connection(asyncio.Protocol):
    """Reads requests, has them handled, writes responses.

    Attributes:
        slot: a number that the owner gives it.
    """

    def __init__(self, owner: Owner, slot: int) -> None:
        """Begins with nothing read."""
        self.slot = slot
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._incoming = Incoming(owner.largest_body_bytes)
        self._task: asyncio.Task[None] | None = None
        self._time = Deadline()
        self._pace = Pace(owner.patience_seconds, owner.slowest_bytes_per_second)
        self._share = owner.intake.share(self._read_on)
        self._is_ended = self._is_full = self._is_late = self._was_last = False
        self._writable = asyncio.Event()
        self._writable.set()

    @property
    def is_idle(self) -> bool:
        """No request has begun to come, and none is being answered."""
        return self._task is None and self._incoming.is_empty

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is called once, at the beginning."""
        self._transport = cast(asyncio.Transport, transport)
        self._time.start(self._owner.patience_seconds)

    def data_received(self, data: bytes) -> None:
        """Reads on."""
        if self._is_ended:
            return
        if self.is_idle:
            self._time.start(self._owner.patience_seconds)
        self._incoming.feed(data)
        self._owner.mark(self, BUSY)
        if self._task is None:
            self._advance()
            self._hold_back()
        elif len(self._incoming) > LITTLE_BYTES and self._transport and not self._is_full:
            self._is_full = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more; what it has sent whole is still answered."""
        if self._task is None and not self._is_ended and not self.is_idle:
            self._refuse(BadInput("the request ended before it was whole"))
        self._was_last = True
        return self._task is not None

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone, or the connection was closed here."""
        self._is_ended = True
        self._transport = None
        self._share.give_back()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()
        self._owner.closed(self)

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it comes."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has taken it."""
        self._writable.set()

    def check_time(self, now: float) -> None:
        """Ends a connection whose time is over."""
        if self._transport is None:
            return
        if self._pace.is_too_slow(self._transport, now):
            self._abort()
        elif self._time.is_over(now):
            self._end_late()
        elif self.is_idle and not self._is_ended and not self._transport.get_write_buffer_size():
            self._owner.mark(self, CLEAN)

    def excuse(self, seconds: float) -> None:
        """For so long this process did not run: that is no client's fault."""
        self._time.excuse(seconds)
        self._pace.excuse(seconds)

    def _end_late(self) -> None:
        if self._is_ended:
            self._abort()
        elif self._task is not None:
            self._is_late = True
            self._task.cancel()
        elif self.is_idle:
            self.stop_when_idle()
        else:
            self._refuse(RequestTimeout("the request did not come in time"))

    def stop_when_idle(self) -> None:
        """Ends an idle connection, unless a request lies in the system that would be lost."""
        if self.is_idle and not self._is_ended and not self._is_more_there():
            self._end()

    def _advance(self) -> None:
        """Reads as far as what has come goes, up to one whole request."""
        is_new = self._incoming.head is None
        try:
            request = self._incoming.take()
        except ServingError as error:
            self._refuse(error)
            return
        if request is not None:
            self._time.allow(self._owner.timeout_seconds)
            self._is_late = False
            self._task = asyncio.get_running_loop().create_task(self._answer(*request))
        elif (head := self._incoming.head) is not None:
            came_seconds = self._incoming.body_bytes / self._owner.slowest_bytes_per_second
            self._time.allow(self._owner.patience_seconds + came_seconds)
            if is_new and head.expects_continue:
                self._write(CONTINUE)

    def _hold_back(self) -> None:
        """Reads on only if there is room for more of the body: those of others may fill it."""
        size = self._incoming.size_bytes
        if size < LITTLE_BYTES or self._task is not None or self._is_ended:
            return
        if not self._share.ask(size + LITTLE_BYTES) and self._transport is not None:
            self._time.hold()
            self._transport.pause_reading()

    def _read_on(self) -> None:
        self._time.go_on()
        if self._transport is not None:
            self._transport.resume_reading()

    async def _answer(self, head: Head, body: bytes) -> None:
        keeps = False
        try:
            response = await self._response(head, body)
            keeps = head.keeps_alive and not self._owner.is_stopping and not self._was_last
            await self._send(response, head, keeps=keeps)
            if keeps:
                await self._taken()
        except Exception:  # the request's edge: an answer that broke off half way
            LOG.exception("an answer was not sent to its end")
            self._abort()
        finally:
            self._task = None
            self._share.give_back()
        if keeps and self._transport is not None and not self._is_ended:
            unsent = self._transport.get_write_buffer_size()
            self._owner.mark(
                self, SENDING if unsent else CLEAN if self._incoming.is_empty else BUSY
            )
            self._next()
        else:
            self._end()

    async def _response(self, head: Head, body: bytes) -> Response:
        try:
            request = Request(
                method=head.method,
                target=head.target,
                headers=head.headers,
                body=inflated(
                    body,
                    head.headers.get("content-encoding", ""),
                    self._owner.largest_body_bytes,
                ),
                began=self._time.began,
            )
            return await self._owner.handle(request)
        except ServingError as error:
            return self._owner.refusal(error)
        except asyncio.CancelledError:
            if not self._is_late:
                raise  # the client has gone
            return self._owner.refusal(
                DeadlineExceeded(
                    f"the request was not answered in {self._owner.timeout_seconds:g} s"
                )
            )

    async def _send(self, response: Response, head: Head, *, keeps: bool) -> None:
        if self._transport is None:
            return
        if isinstance(response.body, bytes):
            self._write(*whole(response, head, keeps=keeps))
            return
        in_chunks = head.takes_chunks
        self._time.allow(float("inf"))
        self._owner.mark(self, SENDING)
        self._write(start(response, in_chunks=in_chunks, keeps=keeps and in_chunks))
        async for part in response.body:
            self._write(chunk(part) if in_chunks else part)
            await self._writable.wait()
            if self._transport is None:
                return
        if in_chunks:
            self._write(chunk(b""))

    def _write(self, *parts: bytes) -> None:
        if self._transport is not None:
            for part in parts:
                self._transport.write(part)
                self._pace.wrote(len(part))

    async def _taken(self) -> None:
        """Waits until an answer is taken: a client that only asks would fill the memory."""
        if not self._writable.is_set():
            self._owner.mark(self, SENDING)
            self._time.allow(float("inf"))  # `check_time` ends one that takes too little
            await self._writable.wait()

    def _next(self) -> None:
        """Goes on to what came while a request was being answered."""
        is_idle = self._incoming.is_empty
        self._time.start(IDLE_SECONDS if is_idle else self._owner.patience_seconds)
        if not is_idle:
            self._advance()
        is_short = self._task is None or len(self._incoming) <= LITTLE_BYTES
        if self._is_full and is_short and self._transport:
            self._is_full = False
            self._transport.resume_reading()

    def _refuse(self, error: ServingError) -> None:
        """Answers what cannot be read as a request."""
        if self._transport is not None:
            self._write(*whole(self._owner.refusal(error), None, keeps=False))
            self._linger()

    def _linger(self) -> None:
        """Ends the connection, and for a while reads and throws away what the client still sends.

        Closing at once would reset the connection, and the client would never see its answer.
        """
        self._is_ended = True
        self._owner.mark(self, SENDING)
        self._incoming.clear()
        self._share.give_back()
        self._time.start(LINGER_SECONDS)
        if self._transport is not None:
            self._transport.resume_reading()
            self._transport.write_eof()

    def _abort(self) -> None:
        self._is_ended = True
        if self._transport is not None:
            sockets.drop(self._transport)

    def _end(self) -> None:
        if self._transport is None or self._is_ended:
            self._is_ended = True
        elif not self._was_last and (len(self._incoming) or self._is_more_there()):
            self._linger()
        else:
            self._is_ended = True
            self._owner.mark(self, SENDING)
            self._incoming.clear()
            self._time.allow(float("inf"))  # what is not sent yet is left to its pace
            self._transport.close()

    def _is_more_there(self) -> bool:
        """The client has sent something that is not read yet."""
        return self._transport is not None and sockets.unread_bytes(self._transport) > 0
