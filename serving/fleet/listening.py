"""The ports of a server, and how many connections the system lets it have."""

import contextlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

from serving.errors import BadInput

BACKLOG = 1024
PROTOCOLS = 2
DESCRIPTORS_FOR_ITSELF = 40
"""Files that a process needs beside its connections."""
FEWEST_CONNECTIONS = 8
"""However few files are allowed."""


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


@contextlib.contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """Opens a Unix socket to listen on, and takes its file away at the end.

    One that a killed server has left behind is replaced.

    Raises:
        BadInput: it cannot be had; something else is there, or another server listens on it.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listener:
        try:
            if path.is_socket() and not _is_listened_on(path):
                path.unlink()
            listener.bind(str(path))
        except OSError as error:
            raise BadInput(f"cannot listen on {path}: {error}") from error
        listener.listen(BACKLOG)
        listener.setblocking(False)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _is_listened_on(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        return client.connect_ex(str(path)) == 0


def allow_connections(wanted: int) -> int:
    """Raises the limit of open files as far as is allowed.

    Args:
        wanted: how many connections of each protocol a process is to have at the same time.

    Returns:
        How many it can have.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = PROTOCOLS * wanted + DESCRIPTORS_FOR_ITSELF
    if soft < files:
        with contextlib.suppress(ValueError, OSError):
            limit = files if hard == resource.RLIM_INFINITY else min(files, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, soft), hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(wanted, max((soft - DESCRIPTORS_FOR_ITSELF) // PROTOCOLS, FEWEST_CONNECTIONS))
