"""Open connections on their way from the supervisor to a worker, and word that they are closed.

A message is four bytes, the connection's slot, with the socket itself as ancillary data; the way
back is the slots of connections that the worker has closed.

The supervisor keeps its own copy of every socket. When a worker dies it can so still say 503 on
connections whose request was lost, and hand the others, which have not lost anything, to another
worker. In which of these states a connection is, is a byte in memory that both can see.
"""

import contextlib
import mmap
import socket
import struct
from collections.abc import Iterator

_SLOT = struct.Struct("<I")


def send(end: socket.socket, connection: socket.socket, slot: int) -> bool:
    """Hands a connection over; False where the worker does not take it just now."""
    try:
        socket.send_fds(end, [_SLOT.pack(slot)], [connection.fileno()])
    except OSError:
        return False
    return True


def receive(end: socket.socket) -> Iterator[tuple[socket.socket | None, int]]:
    """Yields what was handed over and has not been taken yet: socket and slot.

    The socket is None where this process may not have another one open.

    Raises:
        EOFError: the supervisor has ended.
    """
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(end, _SLOT.size, 1)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise EOFError from error
        if not message:
            raise EOFError
        (slot,) = _SLOT.unpack(message)
        yield (socket.socket(fileno=descriptors[0]) if descriptors else None), slot


def report_closed(end: socket.socket, slots: list[int]) -> None:
    """Tells the supervisor of closed connections; takes those that it told out of the list."""
    with contextlib.suppress(OSError):
        while slots:
            end.send(_SLOT.pack(slots[-1]))
            slots.pop()


def closed(end: socket.socket) -> Iterator[int]:
    """Yields the slots of connections that the worker has closed."""
    while True:
        try:
            message = end.recv(_SLOT.size)
        except OSError:
            return
        if len(message) < _SLOT.size:
            return
        yield _SLOT.unpack(message)[0]


def pair() -> tuple[socket.socket, socket.socket]:
    """Returns both ends of a way for connections, neither of which blocks."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def states(path: str, slots: int) -> mmap.mmap:
    """Opens the memory with a byte for the state of every slot; the file is made if need be."""
    with open(path, "a+b") as file:
        file.truncate(slots)
        return mmap.mmap(file.fileno(), slots)
