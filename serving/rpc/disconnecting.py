"""The end of a gRPC client's connection, which grpc's own interface has no call for.

Cancelling a call leaves its answer in grpc's memory until the client takes it; a connection that is
shut down is the end of all its calls, and of what they hold.
"""

import contextlib
import os
import socket
from pathlib import Path
from urllib.parse import unquote

DESCRIPTORS = Path("/dev/fd")


def disconnect(peer: str) -> None:
    """Shuts down this process' connection with `peer`, as grpc names it: `ipv4:127.0.0.1:4711`."""
    _, _, address = unquote(peer).partition(":")
    host, _, port = address.rpartition(":")
    wanted = host.strip("[]"), port
    for name in os.listdir(DESCRIPTORS):
        with contextlib.suppress(OSError, ValueError), _duplicate(int(name)) as connection:
            if _is_tcp(connection) and _name(connection) == wanted:
                connection.shutdown(socket.SHUT_RDWR)


def _duplicate(descriptor: int) -> socket.socket:
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:  # it is another kind of file
        os.close(copy)
        raise


def _is_tcp(connection: socket.socket) -> bool:
    families = (socket.AF_INET, socket.AF_INET6)
    return connection.family in families and connection.type == socket.SOCK_STREAM


def _name(connection: socket.socket) -> tuple[str, str]:
    """Returns host and port of the other side; IPv4 as such, also where the socket is of IPv6."""
    host, port, *_ = connection.getpeername()
    return host.removeprefix("::ffff:"), str(port)
