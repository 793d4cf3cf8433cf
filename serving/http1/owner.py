"""Who answers the requests of a connection, and is told what it does; a worker."""

from typing import TYPE_CHECKING, Protocol

from serving.errors import ServingError
from serving.http1.message import Request, Response
from serving.intake import Intake

if TYPE_CHECKING:
    from serving.http1.connection import Connection


class Owner(Protocol):
    """Of all connections of a process.

    Attributes:
        largest_body_bytes: of a request.
        timeout_seconds: for an answer to be made.
        patience_seconds: for a head, for a body beyond its rate, and for an answer to be taken.
        slowest_bytes_per_second: at which bodies must come, and answers be taken.
        is_stopping: nothing more is begun.
        intake: how many bytes of bodies there may be at the same time.
    """

    largest_body_bytes: int
    timeout_seconds: float
    patience_seconds: float
    slowest_bytes_per_second: float
    is_stopping: bool
    intake: Intake

    async def handle(self, request: Request) -> Response:
        """Answers a request; raises `ServingError` for the one that cannot be answered."""

    def refusal(self, error: ServingError) -> Response:
        """Makes the answer to a request that never reached `handle`, or not to its end."""

    def mark(self, connection: "Connection", state: int) -> None:
        """A connection is `CLEAN`, `BUSY` or `SENDING`."""

    def closed(self, connection: "Connection") -> None:
        """The connection is no more."""
