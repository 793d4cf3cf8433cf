"""gRPC on a Unix socket: what may lie where it is to be, and what is left of it."""

import socket
import tempfile
from pathlib import Path

import pytest

ANY_PORT = ["--rest-port", "0", "--grpc-port", "0"]


@pytest.fixture
def path():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own paths are too long for sockets
        yield Path(folder) / "grpc.sock"


def test_a_socket_that_a_killed_server_left_is_replaced(start_server, models, path):
    killed = start_server(models, "--workers", "1", "--grpc-socket", path)
    assert any(f"gRPC on unix:{path}" in line for line in killed.lines)
    killed.process.kill()
    killed.wait()
    assert path.is_socket()
    assert start_server(models, "--workers", "1", "--grpc-socket", path).stop() == 0
    assert not path.exists()


def test_what_is_in_its_place_stays_and_is_said(run_command, models, path):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        done = run_command(
            "keras-serve", models, "--grpc-socket", path, "--rest-port", "0", "--grpc-port", "0"
        )
        assert (done.returncode, f"cannot listen on {path}" in done.stderr) == (2, True)
        assert path.is_socket()
    path.unlink()
    path.write_text("a file")
    done = run_command(
        "keras-serve", models, "--grpc-socket", path, "--rest-port", "0", "--grpc-port", "0"
    )
    assert (done.returncode, f"cannot listen on {path}" in done.stderr) == (2, True)
    assert path.read_text() == "a file"
