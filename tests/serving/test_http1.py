"""HTTP/1.1 read strictly: what is a request, what is none, and what is too much."""

import contextlib
import json
import socket
import time

import pytest

from serving.errors import BadInput, ServingError, TooLarge
from serving.http1 import head as heads
from serving.http1.chunks import MOST_CHUNKS, Chunks


def head(*lines):
    return heads.parse("\r\n".join(lines).encode("latin-1"))


def test_a_head_is_read():
    found = head("POST /a%20b?c HTTP/1.1", "Host: x", "Content-Length:  12 ", "X-A: 1", "x-a: 2")
    assert (found.method, found.target, found.length) == ("POST", "/a%20b?c", 12)
    assert found.headers["x-a"] == "1, 2"
    assert found.keeps_alive
    assert not head("GET / HTTP/1.1", "Connection: close").keeps_alive
    assert not head("GET / HTTP/1.0").keeps_alive


def test_a_proxys_absolute_target_is_a_path():
    assert head("GET http://host:1/v1/models HTTP/1.1").target == "/v1/models"
    assert head("GET http://host HTTP/1.1").target == "/"


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /"],
        ["GET  / HTTP/1.1"],
        ["GET / HTTP/2.0"],
        ["GET /\x01 HTTP/1.1"],
        ["GET / HTTP/1.1", "no colon"],
        ["GET / HTTP/1.1", "Name : space"],
        ["GET / HTTP/1.1", " folded: line"],
        ["GET / HTTP/1.1", "A: b\nC: d"],
        ["GET / HTTP/1.1", "A: nul\0"],
        ["POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 1"],
        ["POST / HTTP/1.1", "Content-Length: +1"],
        ["POST / HTTP/1.1", "Content-Length: -1"],
        ["POST / HTTP/1.1", "Content-Length: 1_0"],
        ["POST / HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked"],
        ["POST / HTTP/1.0", "Transfer-Encoding: chunked"],
        ["POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked"],
        ["GET / HTTP/1.1", *[f"A{number}: b" for number in range(101)]],
    ],
)
def test_a_doubtful_head_is_refused(lines):
    with pytest.raises(ServingError):
        head(*lines)


def whole(content, largest=1000, step=7):
    """Feeds a body piece by piece; returns it and what is left."""
    chunks, buffer = Chunks(largest), bytearray()
    for start in range(0, len(content), step):
        buffer += content[start : start + step]
        chunks.feed(buffer)
    return bytes(chunks.body), chunks.is_whole, bytes(buffer)


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_chunks_make_a_body_however_they_arrive(step):
    content = b"5\r\nhello\r\n6;name=x\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET"
    body, is_whole, left = whole(content, step=step)
    assert (body, is_whole) == (b"hello world", True)
    assert left == b"GET"


@pytest.mark.parametrize(
    "content", [b"x\r\n", b"-1\r\n", b"5\r\nhello!\r\n", b"\r\n", b"1" * 13 + b"\r\n", b"5" * 5000]
)
def test_what_are_no_chunks_is_refused(content):
    with pytest.raises(BadInput):
        whole(content)


def test_a_body_in_chunks_has_an_end():
    assert whole(b"5\r\nhello\r\n0\r\n\r\n", largest=5)[0] == b"hello"
    with pytest.raises(TooLarge):
        whole(b"6\r\n", largest=5)
    with pytest.raises(BadInput, match="chunks"):
        whole(b"1\r\nx\r\n" * (MOST_CHUNKS + 1), largest=10**6, step=10**6)


def test_a_client_that_only_asks_is_neither_read_nor_kept(server):
    """It takes none of its answers: without an end to that, they would fill the memory."""
    asked = b"GET /v1/models/half_plus HTTP/1.1\r\nHost: a\r\n\r\n" * 1000
    with server.connect() as connection:
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 16 * 2**20:  # what the sockets hold is less
                connection.sendall(asked)
                sent += len(asked)
    assert sent < 16 * 2**20
    assert server.get("/v1/models/half_plus")[0] == 200


COUNT = 50_000
"""Of pictures of four pixels, which are 15 MB of JSON: more than sockets hold."""


@pytest.fixture(scope="module")
def impatient(start_server, models):
    """A server that waits a second, and then wants a hundred thousand bytes in each."""
    flags = ["--workers", "1", "--patience", "1", "--slowest-kib", "100", "--queue-ms", "6e5"]
    return start_server(models, *flags, "--timeout", "600")


def ask_for_pictures(connection, *headers):
    content = {"signature_name": "sample", "inputs": {"seed": 7, "count": COUNT}}
    body = json.dumps(content)
    lines = ["POST /v1/models/pixels:predict HTTP/1.1", f"Content-Length: {len(body)}", *headers]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())


def test_a_client_that_takes_its_answer_by_drops_is_ended(impatient):
    taken = 0
    with impatient.connect() as connection:
        ask_for_pictures(connection)
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(200):
                taken += len(piece)
                time.sleep(0.01)  # 20 kB a second
    assert 0 < taken < 300 * COUNT


def test_a_client_that_takes_longer_than_the_patience_but_goes_on_gets_all_of_it(impatient):
    """The connection ends after the answer: what is still to be sent then has its time too."""
    answer = bytearray()
    with impatient.connect() as connection:
        ask_for_pictures(connection, "Connection: close")
        while piece := connection.recv(64 * 1024):
            answer += piece
            time.sleep(0.01)
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert len(document["outputs"]) == COUNT
