"""Messages between the supervisor and a worker: JSON objects, one a line, over a socket pair.

Either side may ask: an `ask` carries a number, and the `reply` of the same number ends the wait.
"""

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

from serving.errors import Unavailable

LARGEST_BYTES = 256 * 2**20


class Channel:
    """One end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes both directions of an open connection; see `open_channel`."""
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}

    def send(self, **message: Any) -> None:
        """Sends a message; one to an end that is gone is lost."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def ask(self, **message: Any) -> Any:
        """Sends a message and waits for its reply.

        Raises:
            Unavailable: the other end is gone.
        """
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self.send(**message, number=number)
        if self._writer.is_closing():
            raise Unavailable("the other process has ended")
        try:
            return await answer
        finally:
            del self._asked[number]

    def reply(self, message: Any, content: Any) -> None:
        """Answers a message that was asked."""
        self.send(reply=message["number"], content=content)

    async def messages(self) -> AsyncIterator[Any]:
        """Yields what the other end sends, until it ends; replies go to who asked."""
        while True:
            try:
                line = await self._reader.readline()
            except (ConnectionError, ValueError):
                break
            if not line:
                break
            message = json.loads(line)
            if "reply" not in message:
                yield message
            elif message["reply"] in self._asked and not self._asked[message["reply"]].done():
                self._asked[message["reply"]].set_result(message["content"])
        self._writer.close()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(Unavailable("the other process has ended"))

    def close(self) -> None:
        """Ends the channel."""
        self._writer.close()


async def open_channel(end: socket.socket) -> Channel:
    """Makes a channel of one end of a socket pair."""
    end.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=end, limit=LARGEST_BYTES)
    return Channel(reader, writer)
