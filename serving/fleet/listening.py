"""The ports of a server, and how many connections the system lets it have."""

import contextlib
import resource
import socket

from serving.errors import BadInput

BACKLOG = 1024
DESCRIPTORS_FOR_ITSELF = 40
"""Files that the supervisor needs beside the connections it has copies of."""


def reserved(host: str, port: int) -> socket.socket:
    """Binds the port on which every worker then listens, so that nobody else gets it.

    Another server that shares its port in the same way would let us in, and take half of the calls:
    so it is first asked for without sharing.

    Raises:
        BadInput: it cannot be had.
    """
    bound(host, port).close()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind((host, port))
    return reserved


def bound(host: str, port: int) -> socket.socket:
    """Opens a port to listen on.

    Raises:
        BadInput: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise BadInput(f"cannot listen on {host}:{port}: {error}") from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def allow_descriptors(connections: int) -> None:
    """Raises the limit of open files as far as is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + DESCRIPTORS_FOR_ITSELF
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, soft), hard))
