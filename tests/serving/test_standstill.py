"""A worker that does not run for a while, on a busy machine: nobody pays for that but with time."""

import contextlib
import http.client
import os
import signal
import time

import pytest

PATH = "/v1/models/half_plus:predict"
BODY = b'{"instances": [1.0]}'
ASKED = b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (PATH.encode(), len(BODY), BODY)
PATIENCE_SECONDS = 0.5


@pytest.fixture(scope="module")
def impatient(start_server, models):
    """One worker, which ends who is silent for half a second."""
    server = start_server(models, "--workers", "1", "--patience", PATIENCE_SECONDS)
    yield server
    assert server.stop() == 0


@contextlib.contextmanager
def standing_still(server):
    """The worker does not run meanwhile."""
    worker = server.workers()[-1]
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def status_on(connection):
    with contextlib.closing(http.client.HTTPResponse(connection)) as answer:
        answer.begin()
        return answer.status


def test_all_who_connect_meanwhile_are_answered(start_server, models):
    """More than the system holds on their way to one process, which are some 280."""
    server = start_server(models, "--workers", "1", "--patience", "600")
    with contextlib.ExitStack() as stack:
        with standing_still(server):
            clients = [stack.enter_context(server.connect()) for _ in range(700)]
            for client in clients:
                client.sendall(ASKED)
        assert {status_on(client) for client in clients} == {200}
    assert server.stop() == 0


@pytest.mark.parametrize("before", [b"", ASKED[:20], ASKED[:-5]], ids=["silent", "head", "body"])
def test_what_a_client_sends_meanwhile_came_in_time(impatient, before):
    with impatient.connect() as client:
        client.sendall(before)
        impatient.get("/v2/health/ready")  # by now the worker has the connection
        with standing_still(impatient):
            client.sendall(ASKED[len(before) :])
            time.sleep(3 * PATIENCE_SECONDS)
        assert status_on(client) == 200


def test_a_client_that_has_sent_nothing_by_then_is_given_its_time(impatient):
    """It sends only after the worker has seen that its time would be over."""
    with impatient.connect() as client:
        client.sendall(ASKED[:-5])
        impatient.get("/v2/health/ready")
        with standing_still(impatient):
            time.sleep(3 * PATIENCE_SECONDS)
        impatient.get("/v2/health/ready")
        client.sendall(ASKED[-5:])
        assert status_on(client) == 200
