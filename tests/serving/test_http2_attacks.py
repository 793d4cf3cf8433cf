"""HTTP/2's known attacks: each ends its own connection, costs little memory, and disturbs nobody.

Rapid reset CVE-2023-44487, continuations CVE-2024-27316, and those of 2019: data dribble
CVE-2019-9511, pings -9512, priorities -9513, resets -9514, settings -9515, empty names -9516,
internal buffering -9517, empty frames -9518.
"""

import pytest

from serving.http2 import frames, hpack
from serving.http2.calm import MOST_FRAMES
from serving.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    RESET,
    SETTINGS,
    WINDOW,
    frame,
)
from serving.http2.streams import MOST_STREAMS
from tests.serving.frame_client import HEAD, Client, block, call, half_plus, message, outputs
from tests.serving.memory import MEBIBYTE, own_memory
from tests.serving.server_process import wait_until

TIMES = 2 * MOST_FRAMES
FIELDS = block(HEAD)
CANCELLED = frames.number(frames.CANCEL)
OPENED = frame(HEADERS, END_HEADERS, 1, FIELDS)
UNKNOWN = block([(name, b"/no/such" if name == b":path" else value) for name, value in HEAD])


@pytest.fixture(scope="module")
def attacked(start_server, models):
    """One worker, so that whoever is disturbed shows."""
    server = start_server(models, "--workers", "1", "--queue-ms", "6e5")
    yield server
    assert server.stop() == 0
    assert "Traceback" not in "".join(server.lines)


def numbers(count):
    return range(1, 2 * count, 2)


def opened(number, fields=FIELDS):
    return frame(HEADERS, END_HEADERS, number, fields)


def is_answered(client, number=1):
    client.send(call(message(half_plus()), number))
    return outputs(client.answer(number)[0]) == [3.5, 4, 5.5]


FLOODS = {
    "rapid reset": b"".join(opened(n) + frame(RESET, 0, n, CANCELLED) for n in numbers(TIMES)),
    "rapid reset of whole calls": b"".join(
        call(message(half_plus()), n) + frame(RESET, 0, n, CANCELLED) for n in numbers(TIMES)
    ),
    "continuations": frame(HEADERS, 0, 1, FIELDS) + frame(CONTINUATION, 0, 1) * TIMES,
    "settings": frames.settings({}) * TIMES,
    "settings' acknowledgements": frame(SETTINGS, ACK, 0) * TIMES,
    "many settings in one": frame(SETTINGS, 0, 0, b"\0\4\0\1\0\0" * 1000),
    "pings": frame(PING, 0, 0, bytes(8)) * TIMES,
    "pings' acknowledgements": frame(PING, ACK, 0, bytes(8)) * TIMES,
    "empty data": OPENED + frame(DATA, 0, 1) * TIMES,
    "data byte by byte": OPENED + frame(DATA, 0, 1, b"\0") * TIMES,
    "nothing but padding": OPENED + frame(DATA, PADDED, 1, b"\x08" + bytes(8)) * TIMES,
    "priorities": frame(PRIORITY, 0, 1, bytes(5)) * TIMES,
    "frames of no known kind": frame(0x42, 0, 0, b"x") * TIMES,
    "windows": frame(WINDOW, 0, 0, frames.number(1)) * TIMES,
    "resets of one stream": OPENED + frame(RESET, 0, 1, CANCELLED) * TIMES,
    "more and more streams": b"".join(map(opened, numbers(MOST_STREAMS + TIMES))),
    "fields without a name": b"".join(
        opened(n, FIELDS + b"\x00\x00\x00" * 100) for n in numbers(TIMES)
    ),
}


@pytest.mark.parametrize("attack", FLOODS)
def test_a_flood_is_told_to_calm_down_and_others_are_answered(attacked, attack):
    with Client(attacked) as other, Client(attacked) as client:
        assert is_answered(other)
        before = own_memory(attacked)
        client.send(FLOODS[attack])
        assert is_answered(other, 3)
        assert client.until_goaway() == frames.CALM
        assert is_answered(other, 5)
        assert own_memory(attacked) - before < 8 * MEBIBYTE


def test_what_belongs_to_calls_is_no_flood(attacked):
    """Each call comes with a window and a ping, and its data in two frames: three to spare."""
    sent = message(half_plus())
    with Client(attacked) as client:
        for number in numbers(MOST_FRAMES // 3 + 500):
            client.send(
                opened(number)
                + frame(DATA, 0, number, sent)
                + frame(DATA, END_STREAM, number)
                + frame(PING, 0, 0, bytes(8))
                + frame(WINDOW, 0, 0, frames.number(60))
            )
            assert outputs(client.answer(number)[0]) == [3.5, 4, 5.5]


BOMB = b"\x40\x01a\x7f\x81\x7e" + b"b" * 16_384
"""A field of sixteen kilobytes, which the table then has; a byte more is another one."""


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (opened(1, FIELDS + BOMB + b"\xbe" * 10), frames.COMPRESSION_ERROR),
        (opened(1, b"\x3f\xe1\x1f" + b"\x20" * 1000 + FIELDS), frames.COMPRESSION_ERROR),
        (frame(HEADERS, 0, 1, FIELDS) + frame(CONTINUATION, 0, 1, bytes(20_000)) * 2, frames.CALM),
        (opened(5) + opened(3), frames.CLOSED),
        (call(message(half_plus()), 1) * 2, frames.CLOSED),
        (call(message(half_plus()), 1) + frame(DATA, 0, 1, b"x"), frames.CLOSED),
        (OPENED + frame(RESET, 0, 1, CANCELLED) + frame(DATA, 0, 1, b"x"), frames.CLOSED),
        (frame(WINDOW, 0, 0, frames.number(2**31 - 1)), frames.FLOW_ERROR),
        (OPENED + frame(WINDOW, 0, 1, frames.number(2**31 - 1)), frames.FLOW_ERROR),
        (OPENED + frames.settings({frames.INITIAL_WINDOW: 2**31}), frames.FLOW_ERROR),
        (
            OPENED
            + frame(WINDOW, 0, 1, frames.number(2**30))
            + frames.settings({frames.INITIAL_WINDOW: 2**31 - 1}),
            frames.FLOW_ERROR,
        ),
        (frame(WINDOW, 0, 0, frames.number(0)), frames.PROTOCOL_ERROR),
        (OPENED + frame(WINDOW, 0, 1, frames.number(0)), frames.PROTOCOL_ERROR),
        (frame(WINDOW, 0, 7, frames.number(1)), frames.PROTOCOL_ERROR),
        (frame(RESET, 0, 7, CANCELLED), frames.PROTOCOL_ERROR),
        (frame(PING, 0, 0, bytes(7)), frames.SIZE_ERROR),
        (frame(DATA, 0, 1), frames.PROTOCOL_ERROR),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told_by_its_code(attacked, wrong, code):
    with Client(attacked) as client:
        client.send(wrong)
        assert client.until_goaway() == code
    with Client(attacked) as other:
        assert is_answered(other)


def test_a_connection_that_does_not_begin_with_settings_is_ended(attacked):
    with Client(attacked, settings=None) as client:
        client.send(frames.PREFACE + frame(PING, 0, 0, bytes(8)))
        assert client.until_goaway() == frames.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "fields",
    [
        [*HEAD, (b"", b"x")],
        [*HEAD, (b"Upper", b"x")],
        [*HEAD, (b"a b", b"x")],
        [*HEAD, (b"a", b"x\r\ny: z")],
        [*HEAD, (b"connection", b"close")],
        [*HEAD, (b":path", b"/late")],
        [HEAD[0], *HEAD],
        HEAD[1:],
        [(b":status", b"200"), *HEAD],
    ],
)
def test_a_request_with_improper_fields_is_reset_and_the_connection_goes_on(attacked, fields):
    with Client(attacked) as client:
        client.send(opened(1, block(fields)))
        while (one := client.frame())[0] != RESET:
            assert one[0] != HEADERS
        assert one[2:] == (1, frames.number(frames.PROTOCOL_ERROR))
        client.send(frame(DATA, END_STREAM, 1, b"was on its way"))
        assert is_answered(client, 3)


def test_who_asks_for_what_is_not_there_and_reads_nothing_is_ended(attacked):
    """What such a call is told needs no window, and would pile up."""
    with Client(attacked) as other, Client(attacked) as client:
        before = own_memory(attacked)
        with pytest.raises(ConnectionError):
            ask_for_ever(client, UNKNOWN)
        assert is_answered(other)
        assert own_memory(attacked) - before < 16 * MEBIBYTE


def ask_for_ever(client, fields):
    for number in range(1, 2**31, 2):
        client.send(opened(number, fields))


@pytest.fixture(scope="module")
def impatient(start_server, models):
    server = start_server(models, "--workers", "1", "--patience", "0.5", "--slowest-kib", "1e6")
    yield server
    assert server.stop() == 0


BEGUN = frames.PREFACE + frames.settings({})


@pytest.mark.parametrize(
    ("half", "rest"),
    [
        (b"", frames.PREFACE[:-1]),
        (frames.PREFACE, frames.head(180, SETTINGS, 0, 0) + bytes(90)),
        (BEGUN, OPENED[:-1]),
        (BEGUN + frame(HEADERS, 0, 1, FIELDS), frames.head(900, CONTINUATION, 0, 1) + bytes(90)),
        (BEGUN + OPENED, frames.head(900, DATA, 0, 1) + bytes(90)),
    ],
    ids=["preface", "settings", "headers", "continuation", "data"],
)
def test_who_never_finishes_what_it_began_is_ended(impatient, half, rest):
    """However often another byte of it comes."""
    with Client(impatient) as other, Client(impatient, settings=None) as client:
        client.send(half)
        left = iter(rest)
        wait_until(lambda: is_all_sent(client, left))
        assert client.until_goaway() == frames.CALM
        assert is_answered(other)


def is_all_sent(client, left):
    """Sends one more byte."""
    byte = next(left, None)
    if byte is not None:
        client.send(bytes([byte]))
    return byte is None


REFLECTION = b"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
LIST_SERVICES = message(b"\x3a\x00")


def test_a_call_that_does_not_go_on_is_ended_alone_and_a_dialogue_may_pause(impatient):
    """Neither may a message stop half way, nor come in whole frames at a crawl."""
    talking = [(name, REFLECTION if name == b":path" else value) for name, value in HEAD]
    with Client(impatient) as client:
        client.send(opened(1, block(talking)) + frame(DATA, 0, 1, LIST_SERVICES))
        client.send(opened(3) + opened(5) + frame(DATA, 0, 5, message(bytes(9000))[:300]))
        ended = {}
        while len(ended) < 2:
            kind, flags, number, payload = client.frame()
            if kind == HEADERS and flags & END_STREAM:
                ended[number] = dict(hpack.Reader().fields(payload))[b"grpc-status"]
        assert ended == {3: b"4", 5: b"4"}
        client.send(frame(DATA, END_STREAM, 1, LIST_SERVICES))
        content, fields = client.answer()
        assert b"tensorflow.serving.ModelService" in content
        assert fields[b"grpc-status"] == b"0"
        assert is_answered(client, 7)
