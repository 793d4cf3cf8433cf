"""What the system knows of a connection, and does with what it holds of it."""

import asyncio
import fcntl
import socket
import struct
import termios

_COUNT = struct.Struct("i")
_NOTHING_IS_SENT = struct.pack("ii", 1, 0)
"""Lingering, for no second."""


def unacknowledged_bytes(transport: asyncio.Transport) -> int:
    """Returns how many bytes of a connection the kernel holds; 0 where it does not say."""
    return _told(transport, termios.TIOCOUTQ)


def unread_bytes(transport: asyncio.Transport) -> int:
    """Returns how many bytes have come that nobody has read; 0 where the kernel does not say."""
    return _told(transport, termios.FIONREAD)


def drop(transport: asyncio.Transport) -> None:
    """Drops what is not sent, from the kernel too, which would go on with megabytes of it."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOTHING_IS_SENT)
    transport.abort()


def _told(transport: asyncio.Transport, question: int) -> int:
    connection = transport.get_extra_info("socket")
    try:
        answer = fcntl.ioctl(connection.fileno(), question, bytes(_COUNT.size))
    except (OSError, ValueError):
        return 0
    (count,) = _COUNT.unpack(answer)
    return int(count)
