"""The HTTP connections of a worker: taken from the supervisor, timed, and reported when closed."""

import asyncio
import logging
import mmap
import socket

from serving.api.app import App, refusal
from serving.api.note import Note
from serving.errors import ServingError
from serving.fleet import handover
from serving.fleet.settings import MEBIBYTE, Settings
from serving.http1.connection import CLEAN, Connection
from serving.http1.message import Request, Response
from serving.intake import Intake

LOG = logging.getLogger(__name__)


class Connections:
    """All of them, and what they ask of who owns them; see `http1.owner.Owner`.

    Attributes:
        answering: requests that are read, and not answered.
    """

    def __init__(self, settings: Settings, app: App, way: socket.socket, states: mmap.mmap) -> None:
        """Begins with none.

        Args:
            settings: limits of what clients may take.
            app: answers.
            way: on which connections come.
            states: a byte for what each is doing, which the supervisor reads.
        """
        self.largest_body_bytes = settings.rest_body_bytes
        self.timeout_seconds = settings.rest_timeout_seconds
        self.patience_seconds = settings.patience_seconds
        self.slowest_bytes_per_second = settings.slowest_bytes_per_second
        self.intake = Intake(settings.rest_body_bytes + MEBIBYTE)
        self.is_stopping = False
        self.answering = 0
        self._app, self._way, self._states = app, way, states
        self._open: set[Connection] = set()
        self._closed_slots: list[int] = []
        self._beginning: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Returns how many are open."""
        return len(self._open)

    def start(self) -> None:
        """Takes connections from now on."""
        asyncio.get_running_loop().add_reader(self._way.fileno(), self._take)

    async def handle(self, request: Request) -> Response:
        """Answers one HTTP request."""
        return await self._app.handle(request)

    def refusal(self, error: ServingError) -> Response:
        """Makes the answer to what was no request, or one that took too long."""
        return refusal(error, Note(entrypoint="REST"))

    def mark(self, connection: Connection, state: int) -> None:
        """Notes what a connection is doing, for the case that this process dies of it."""
        before = self._states[connection.slot]
        self._states[connection.slot] = state
        self.answering += (state != CLEAN) - (before != CLEAN)

    def closed(self, connection: Connection) -> None:
        """A connection is no more."""
        if connection in self._open:
            self._open.discard(connection)
            self.mark(connection, CLEAN)
            self._report(connection.slot)

    def check_time(self, now: float, stood_still_seconds: float) -> None:
        """Ends those whose time is over.

        Args:
            now: monotonic seconds.
            stood_still_seconds: for so long the process did not run.
        """
        for connection in list(self._open):
            if stood_still_seconds:
                connection.excuse(stood_still_seconds)
            try:
                connection.check_time(now)
            except Exception:  # the others' time goes on
                LOG.exception("a connection's time could not be looked at")
        handover.report_closed(self._way, self._closed_slots)

    def end_idle(self) -> None:
        """Ends those that ask nothing just now."""
        for connection in list(self._open):
            connection.stop_when_idle()

    def _take(self) -> None:
        try:
            for client, slot in handover.receive(self._way):
                if client is None:
                    LOG.error("a connection is closed: the system allows no more open files")
                    self._report(slot)
                    continue
                task = asyncio.get_running_loop().create_task(self._begin(client, slot))
                self._beginning.add(task)
                task.add_done_callback(self._beginning.discard)
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._way.fileno())

    async def _begin(self, client: socket.socket, slot: int) -> None:
        connection = Connection(self, slot)
        self._open.add(connection)
        try:
            client.setblocking(False)
            if client.family != socket.AF_UNIX:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(lambda: connection, client)
        except OSError:  # it has gone on its way here
            client.close()
            self.closed(connection)

    def _report(self, slot: int) -> None:
        self._closed_slots.append(slot)
        handover.report_closed(self._way, self._closed_slots)
