"""However many clients send large requests at once: so much is taken in, and the rest waits."""

import contextlib
import http.client
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from serving.http2 import frames
from serving.http2.frames import DATA, END_HEADERS, END_STREAM, HEADERS, WINDOW, frame
from serving.http2.stream import FIRST_WINDOW
from serving.intake import MOST_SHORT, MOST_WAITING, Intake
from serving.rpc.incoming import STEP_BYTES
from tests.serving.frame_client import (
    HEAD,
    PREDICT,
    Client,
    block,
    call,
    half_plus,
    message,
    outputs,
)
from tests.serving.memory import MEBIBYTE, own_memory
from tests.serving.server_process import GUARD_SECONDS, wait_until

LARGEST_MIB = 8
FLOATS = LARGEST_MIB * MEBIBYTE // 4 - 1000
SENDERS = 12
MOST = MOST_WAITING * LARGEST_MIB * MEBIBYTE
MOST_OF_SHORT = MOST_SHORT * LARGEST_MIB * MEBIBYTE
SLACK = 16 * MEBIBYTE
"""What the heap keeps, and the little of each that is not counted."""


@pytest.fixture
def narrow(start_server, models):
    """One worker, which takes in three times eight mebibytes, and as much in short messages."""
    sizes = ["--message-mib", LARGEST_MIB, "--body-mib", LARGEST_MIB]
    # A row alone says little of what two million take, on a machine that does other things.
    limits = ["--queue-ms", "8e7", "--timeout", "600", "--patience", "600"]
    server = start_server(models, "--workers", "1", *sizes, *limits)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in "".join(server.lines)


def test_shares_never_come_to_more_than_there_is_and_the_oldest_always_ends():
    room = []
    intake = Intake(10)
    shares = [intake.share(lambda number=number: room.append(number)) for number in range(5)]
    sizes = (5, 5, 5, 5, 10)
    assert [share.ask(size) for share, size in zip(shares, sizes, strict=True)] == [True] * 4 + [
        False
    ]
    assert shares[0].ask(10)  # the oldest may have what is kept for it
    assert not shares[1].ask(10)
    assert (intake.shared_bytes, room) == (25, [])
    shares[0].give_back()
    assert room == [1]  # it is the oldest now, and the other one has to wait on
    assert [share.waits for share in shares] == [False, False, False, False, True]
    for share in shares:
        share.give_back()
    assert (intake.shared_bytes, room) == (0, [1, 4])


def test_what_cannot_wait_has_room_of_its_own():
    intake = Intake(10)
    assert intake.share(lambda: None).ask(10)
    assert [intake.take(10) for _ in range(4)] == [True, True, True, False]
    intake.give_back(10)
    assert intake.take(10)


def test_large_messages_of_many_clients_wait_for_each_other_and_all_are_answered(narrow):
    x = np.ones(FLOATS, np.float32)
    content = half_plus(x)
    target = f"127.0.0.1:{narrow.grpc_port}"
    sizes = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]

    def ask(number):
        own = [*sizes, ("grpc.use_local_subchannel_pool", number % 2)]
        with grpc.insecure_channel(target, own) as channel:
            answer = channel.unary_unary(PREDICT.decode())(content, timeout=GUARD_SECONDS)
        return len(answer)

    with ThreadPoolExecutor(SENDERS) as pool:
        assert min(pool.map(ask, range(SENDERS))) > x.nbytes
    assert is_answered(narrow)


def begin_large(client, number, size=LARGEST_MIB * MEBIBYTE - 5000):
    """Sends as much of a message as goes without being let in."""
    sent = message(bytes(size))[:FIRST_WINDOW]
    parts = (sent[at : at + 2**19] for at in range(0, len(sent), 2**19))
    client.send(frame(HEADERS, END_HEADERS, number, block(HEAD)))
    client.send(b"".join(frame(DATA, 0, number, part) for part in parts))


def windows(client):
    """Returns by how much each stream was widened until a ping is answered."""
    found = {}
    client.send(frame(frames.PING, 0, 0, bytes(8)))
    while (one := client.frame())[0] != frames.PING:
        if one[0] == WINDOW and one[2]:
            found[one[2]] = found.get(one[2], 0) + int.from_bytes(one[3], "big")
    return found


def is_answered(server):
    with Client(server) as client:
        client.send(call(message(half_plus())))
        return outputs(client.answer()[0]) == [3.5, 4, 5.5]


def test_a_message_is_let_in_only_as_far_as_there_is_room(narrow):
    """Of one client's many, too; what is shut is a stream's window, and small ones pass by."""
    numbers = range(1, 2 * 8, 2)
    before = own_memory(narrow)
    with Client(narrow) as client:
        widened = {}
        for number in numbers:
            begin_large(client, number)
            widened |= windows(client)
        whole = LARGEST_MIB * MEBIBYTE
        assert 0 < sum(widened.values()) <= MOST_WAITING * whole
        assert set(widened) < set(numbers)
        assert is_answered(narrow)
        assert own_memory(narrow) - before < MOST + MOST_OF_SHORT + SLACK
        for number in (1, 3):
            client.send(frame(frames.RESET, 0, number, frames.number(frames.CANCEL)))
        assert set(windows(client)) - set(widened)  # now others are let in
    assert is_answered(narrow)


def test_who_sends_more_than_its_window_is_ended(narrow):
    with Client(narrow) as client:
        begin_large(client, 1, size=2**23)
        more = FIRST_WINDOW + 2 * STEP_BYTES
        with contextlib.suppress(ConnectionError):
            for _ in range(0, more, 2**19):
                client.send(frame(DATA, 0, 1, bytes(2**19)))
        assert client.until_goaway() == frames.FLOW_ERROR


def test_one_call_has_one_long_message_at_a_time(narrow):
    content = message(bytes(2**21))
    with Client(narrow) as client:
        parts = [content[at : at + 2**19] for at in range(0, len(content), 2**19)]
        client.send(frame(HEADERS, END_HEADERS, 1, block(HEAD)))
        sent = 0
        while sent < len(parts):
            client.send(frame(DATA, 0, 1, parts[sent]))
            sent += 1
            windows(client)  # by now there is room for the next
        client.send(frame(DATA, 0, 1, content[:5]))
        assert client.answer()[1][b"grpc-status"] == b"8"
    assert is_answered(narrow)


def test_small_messages_that_are_never_whole_are_refused_once_they_are_too_many(narrow):
    """They are on their way before they could be held back."""
    refused = 0
    part = message(bytes(2**20 - 100))[: 2**20 - 200]
    before = own_memory(narrow)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(Client(narrow))
            for number in range(1, 2 * 30, 2):
                client.send(frame(HEADERS, END_HEADERS, number, block(HEAD)))
                client.send(frame(DATA, 0, number, part))
            client.send(frame(frames.PING, 0, 0, bytes(8)))
            while (one := client.frame())[0] != frames.PING:
                refused += one[0] == HEADERS and bool(one[1] & END_STREAM)
        assert refused > 0
        assert own_memory(narrow) - before < MOST_OF_SHORT + SLACK
    assert is_answered(narrow)


LENGTH = LARGEST_MIB * MEBIBYTE - 5000
FORMS = {
    "whole": (b"Content-Length: %d\r\n\r\n" % LENGTH, b" " * LENGTH),
    "chunks": (
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % LENGTH,
        b" " * LENGTH + b"\r\n0\r\n\r\n",
    ),
}


class Sender:
    """A client that sends as much as is taken."""

    def __init__(self, server, form):
        head, body = FORMS[form]
        self.connection = server.connect()
        self.connection.setblocking(False)
        self._left = memoryview(b"POST /nowhere HTTP/1.1\r\n" + head + body)

    def send(self, keep):
        """Sends on, but for the last bytes; returns whether anything was taken."""
        try:
            sent = self.connection.send(self._left[: len(self._left) - keep])
        except BlockingIOError:
            return False
        self._left = self._left[sent:]
        return bool(sent)

    def has_sent(self):
        self.send(keep=0)
        return not self._left

    def status(self):
        self.connection.settimeout(GUARD_SECONDS)
        with contextlib.closing(http.client.HTTPResponse(self.connection)) as answer:
            answer.begin()
            return answer.status


def send_all(server, senders, keep):
    """Sends until nothing is taken any more, however often the worker has had its turn."""
    still = 0
    while still < 5:
        still = 0 if [one for one in senders if one.send(keep)] else still + 1
        assert server.post("/v1/models/half_plus:predict", {"instances": [1.0]})[0] == 200


@pytest.mark.parametrize("form", FORMS)
def test_large_bodies_of_many_clients_wait_for_each_other_and_all_are_answered(narrow, form):
    before = own_memory(narrow)
    senders = [Sender(narrow, form) for _ in range(SENDERS)]
    with contextlib.ExitStack() as stack:
        for one in senders:
            stack.enter_context(one.connection)
        send_all(narrow, senders, keep=1)
        assert own_memory(narrow) - before < MOST + SLACK
        wait_until(lambda: all([one.has_sent() for one in senders]))
        assert {one.status() for one in senders} == {404}
