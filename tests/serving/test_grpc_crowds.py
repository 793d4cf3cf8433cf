"""However many gRPC clients are silent, slow, or wait for news: the others are answered."""

import contextlib
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.fleet.worker import MOST_CALLS
from serving.http2 import frames, hpack
from serving.http2.frames import DATA, END_HEADERS, END_STREAM, HEADERS, frame
from serving.http2.streams import MOST_STREAMS
from serving.rpc.calls import MOST_COMING
from serving.rpc.server import MOST_LEAVING
from serving.wire import tensor_proto
from serving.wire.messages import serving
from tests.serving.asking import HALF
from tests.serving.frame_client import HEAD, PREDICT, Client, block, call, half_plus, message
from tests.serving.memory import MEBIBYTE, own_memory
from tests.serving.server_process import GUARD_SECONDS, wait_until

FIELDS = block(HEAD)
WATCH = block(
    [(name, b"/grpc.health.v1.Health/Watch" if name == b":path" else value) for name, value in HEAD]
)
OVERWORKED, FINE = b"8", b"0"
FEW = 8
PATIENT = ["--workers", "1", "--queue-ms", "6e5", "--timeout", "600", "--patience", "600"]


@pytest.fixture
def narrow(start_server, models):
    """One worker, which has few connections and waits for all of them."""
    server = start_server(models, *PATIENT, "--connections", FEW)
    yield server
    assert server.stop() == 0


@pytest.fixture
def wide(start_server, models):
    server = start_server(models, *PATIENT)
    yield server
    assert server.stop() == 0


@pytest.fixture
def clients():
    """A function that opens so many connections."""
    with contextlib.ExitStack() as stack:
        yield lambda server, count: [stack.enter_context(Client(server)) for _ in range(count)]


def status(client, number=1):
    """Calls, and returns how that went."""
    client.send(call(message(half_plus()), number))
    return client.answer(number)[1][b"grpc-status"]


def settle(client):
    """Waits until the server has read all that was sent; returns which streams have ended how."""
    client.send(frame(frames.PING, 0, 0, bytes(8)))
    found = {}
    while (one := client.frame())[0] != frames.PING:
        kind, flags, number, payload = one
        if kind == HEADERS and flags & END_STREAM:
            found[number] = dict(hpack.Reader().fields(payload))[b"grpc-status"]
    return found


def begin(client, count, fields=FIELDS, content=b"", first=1):
    """Sends the beginnings of calls, and of each so much of a message."""
    numbers = range(first, first + 2 * count, 2)
    data = [frame(DATA, 0, number, content) if content else b"" for number in numbers]
    heads = [frame(HEADERS, END_HEADERS, number, fields) for number in numbers]
    client.send(b"".join(head + part for head, part in zip(heads, data, strict=True)))


def files(server):
    return len(list(Path(f"/proc/{server.workers()[-1]}/fd").iterdir()))


def test_for_another_connection_the_one_goes_that_was_not_answered_for_the_longest(narrow, clients):
    oldest, *others = clients(narrow, FEW)
    for one in (oldest, *others):
        assert status(one) == FINE
    (another,) = clients(narrow, 1)
    assert status(another) == FINE
    assert oldest.until_goaway() == frames.NO_ERROR
    for one in (*others, another):
        assert status(one, 3) == FINE


def test_who_was_told_to_go_and_calls_again_does_not_notice(narrow, clients):
    with grpc.insecure_channel(f"127.0.0.1:{narrow.grpc_port}") as channel:
        ask = channel.unary_unary(PREDICT.decode())
        assert ask(half_plus(), timeout=GUARD_SECONDS)
        for _ in range(3 * FEW):
            (another,) = clients(narrow, 1)
            assert status(another) == FINE
        assert ask(half_plus(), timeout=GUARD_SECONDS)


def test_who_begins_calls_and_waits_keeps_nobody_out(narrow, clients):
    crowd = clients(narrow, FEW)
    for one in crowd:
        begin(one, 1)
        assert settle(one) == {}
    for _ in range(2):
        (another,) = clients(narrow, 1)
        assert status(another) == FINE
    for one in crowd[:2]:  # it may end what it has begun, on its way out
        one.send(frame(DATA, END_STREAM, 1, message(half_plus())))
        assert one.until_goaway() == frames.NO_ERROR


def test_where_an_answer_is_under_way_on_all_connections_another_is_turned_away(narrow, clients):
    busy = [Client(narrow, {frames.INITIAL_WINDOW: 0}) for _ in range(FEW)]
    with contextlib.ExitStack() as stack:
        for one in busy:
            stack.enter_context(one)
            one.send(call(message(half_plus())))
            wait_until(lambda one=one: one.frame()[0] == HEADERS)
        (another,) = clients(narrow, 1)
        assert another.until_goaway() is None
        for one in busy:
            one.send(frame(frames.WINDOW, 0, 1, frames.number(1000)))
            assert one.answer()[1][b"grpc-status"] == FINE


def test_who_does_not_go_is_not_waited_for(narrow, clients):
    before = files(narrow)
    clients(narrow, 10 * (FEW + MOST_LEAVING))
    (another,) = clients(narrow, 1)
    assert status(another) == FINE
    assert files(narrow) <= before + FEW + MOST_LEAVING
    wait_until(lambda: files(narrow) <= before + FEW)
    assert narrow.post(f"{HALF}:predict", {"instances": [1.0]})[0] == 200


def test_a_connection_that_is_silent_has_next_to_no_memory(wide, clients):
    for one in clients(wide, 50):
        assert status(one) == FINE
    before = own_memory(wide)
    crowd = clients(wide, 500)
    for one in crowd:
        assert status(one) == FINE
    assert own_memory(wide) - before < 500 * MEBIBYTE / 64
    for one in crowd:  # each gets what is its own, however it comes in between
        one.send(call(message(half_plus()), 3)[:-5])
    for one in crowd:
        one.send(call(message(half_plus()), 3)[-5:])
        assert one.answer(3)[1][b"grpc-status"] == FINE


def test_of_too_many_calls_that_do_not_go_on_the_one_that_stood_still_the_longest_ends(
    wide, clients
):
    before = own_memory(wide)
    first, *crowd = clients(wide, MOST_COMING // MOST_STREAMS + 1)
    begin(first, 3, content=message(bytes(100))[:50])
    assert settle(first) == {}
    for one in crowd[:-1]:
        begin(one, MOST_STREAMS)
        assert settle(one) == {}
    first.send(frame(DATA, 0, 1, bytes(10)))  # it goes on
    assert settle(first) == {}
    begin(crowd[-1], MOST_STREAMS)
    assert settle(crowd[-1]) == {}
    assert settle(first) == {3: OVERWORKED, 5: OVERWORKED}
    assert settle(crowd[0]) == {1: OVERWORKED}
    assert own_memory(wide) - before < 32 * MEBIBYTE
    first.send(frame(DATA, END_STREAM, 1, bytes(45)))
    assert first.answer()[1][b"grpc-status"] == b"3"  # it has come, and is no request
    (another,) = clients(wide, 1)
    assert status(another) == FINE


def test_calls_that_become_whole_at_once_are_no_more_than_may_be(wide, clients):
    """Each began to come when none was being answered."""
    request = serving("PredictRequest")()
    request.model_spec.name = "slow"
    tensor_proto.to_proto(np.ones((1, 250), np.float32), request.inputs["x"])
    crowd = clients(wide, 2 * MOST_CALLS // MOST_STREAMS)
    for one in crowd:
        begin(one, MOST_STREAMS, content=message(request.SerializeToString()))
        assert settle(one) == {}
    refused = 0
    for one in crowd:
        ends = (frame(DATA, END_STREAM, number) for number in range(1, 2 * MOST_STREAMS, 2))
        one.send(b"".join(ends))
        refused += list(settle(one).values()).count(OVERWORKED)
    assert refused >= 1


def test_those_who_wait_for_news_are_no_calls_that_are_being_answered(wide, clients):
    for one in clients(wide, MOST_CALLS // MOST_STREAMS + 1):
        begin(one, MOST_STREAMS, WATCH, message(b""))
        ends = (frame(DATA, END_STREAM, number) for number in range(1, 2 * MOST_STREAMS, 2))
        one.send(b"".join(ends))
        assert settle(one) == {}
    (another,) = clients(wide, 1)
    assert status(another) == FINE


def test_too_many_who_wait_for_news_are_refused(narrow):
    with grpc.insecure_channel(f"127.0.0.1:{narrow.grpc_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watching = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(FEW)]
        for one in watching:
            assert next(one).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as refused:
            next(stub.Watch(health_pb2.HealthCheckRequest()))
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        watching.pop().cancel()
        wait_until(lambda: is_told(stub))


def is_told(stub):
    try:
        return next(stub.Watch(health_pb2.HealthCheckRequest())).status == 1
    except grpc.RpcError:
        return False
