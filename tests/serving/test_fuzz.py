"""Thousands of damaged requests: each is answered, none as the server's own fault."""

import contextlib
import gzip
import json

import numpy as np
import pytest

from tests.serving.damage import damaged_text

PREDICT = "/v1/models/sums:predict"
ROWS = json.dumps({"instances": [{"a": [1.5, -2], "b": 3}, {"a": [0, 1e3], "b": -7}]}).encode()
BODIES = {
    PREDICT: ROWS,
    "/v1/models/half_plus:predict": b'{"signature_name": "serving_default", "inputs": [1, NaN]}',
    "/v1/models/half_plus:regress": b'{"examples": [{"x": 1.5}], '
    b'"signature_name": "regress_x_to_y"}',
    "/v2/models/half_plus/infer": b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", '
    b'"data": [1]}]}',
}


def is_well_answered(status, body):
    if status == 200:
        return True
    error = json.loads(body)
    tells = any(word in error["error"] for word in ("Traceback", 'File "', ".py"))
    return 400 <= status < 500 and list(error) == ["error"] and not tells


@pytest.mark.parametrize("path", BODIES)
def test_damaged_bodies_are_the_clients_fault(server, path):
    random = np.random.default_rng(len(path))
    connection = server.http()
    with contextlib.closing(connection):
        for _ in range(900):
            body = damaged_text(BODIES[path], random)
            connection.request("POST", path, body)
            answer = connection.getresponse()
            assert is_well_answered(answer.status, answer.read()), body


def test_damaged_gzip_is_the_clients_fault(server):
    random = np.random.default_rng(3)
    connection = server.http()
    headers = {"Content-Encoding": "gzip"}
    with contextlib.closing(connection):
        for _ in range(400):
            body = damaged_text(gzip.compress(ROWS, mtime=0), random)
            connection.request("POST", PREDICT, body, headers)
            answer = connection.getresponse()
            assert is_well_answered(answer.status, answer.read()), body


HEAD = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = f"{HEAD}Content-Length: {len(ROWS)}\r\nAccept: */*\r\n\r\n".encode()
IN_CHUNKS = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n10\r\n".encode()
IN_CHUNKS += ROWS[:16] + b"\r\n%x\r\n" % (len(ROWS) - 16)


@pytest.mark.parametrize(
    ("head", "rest"), [(WHOLE, ROWS), (IN_CHUNKS, ROWS[16:] + b"\r\n0\r\n\r\n")]
)
def test_damaged_heads_and_chunks_are_the_clients_fault(server, head, rest):
    random = np.random.default_rng(5)
    for _ in range(500):
        content = damaged_text(head, random) + rest
        answer = server.raw(content)
        if answer:  # what is no head at all, such as an empty line, is no request either
            status = int(answer.split(b" ", 2)[1])
            assert status < 600
            assert status in (200, 501, *range(400, 500)), content
    assert server.post(PREDICT, ROWS)[0] == 200


def test_clients_that_send_half_a_request_are_told_so(server):
    """Each waits for the server's patience to end, some eight seconds, all of them at once."""
    halves = [
        b"GET / HT",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
        b"GET / HTTP/1.1\r\nA: ",
    ]
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in halves]
        for connection, half in zip(connections, halves, strict=True):
            connection.sendall(half)
        for connection in connections:
            answer = b"".join(iter(lambda c=connection: c.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 408 ")
