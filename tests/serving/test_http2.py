"""HTTP/2 as clients may speak it, and as none may: frame by frame, against a real server."""

import gzip
import socket
import struct
import zlib

import numpy as np
import pytest

from serving.http2 import frames, hpack, huffman, outgoing
from serving.http2.frames import DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, frame
from tests.serving.frame_client import (
    HEAD,
    Client,
    block,
    call,
    half_plus,
    message,
    outputs,
)


def test_fields_are_read_as_in_the_standards_own_example():
    reader = hpack.Reader()  # RFC 7541, C.4
    blocks = [
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ]
    first, second, third = (reader.fields(bytes.fromhex(text)) for text in blocks)
    assert first == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
    ]
    assert second == [*first, (b"cache-control", b"no-cache")]
    assert third[1:] == [
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ]


def test_a_block_means_something_else_once_the_table_has_changed():
    reader = hpack.Reader()
    reader.fields(b"\x40\x01a\x01b")
    assert reader.fields(b"\xbe") == [(b"a", b"b")]
    reader.fields(b"\x40\x01c\x01d")
    assert reader.fields(b"\xbe") == [(b"c", b"d")]


@pytest.mark.parametrize(
    "content",
    [
        b"\x80",  # field 0
        b"\xbe",  # one that the table does not have
        b"\x00\x05ab",  # ends within a name
        b"\xff\xff\xff\xff\xff\xff\xff",  # a number without end
        b"\x3f\xff\xff\x03",  # a table that is too large
        b"\x00\x81\xff\x00",  # a Huffman code that is the end itself, or never begins
        b"\x82\x20",  # the table changes its size after a field
        b"\x40\x01a\x7f\x81\x7e" + b"b" * 16384 + b"\xbe" * 9,  # much that a few bytes stand for
    ],
)
def test_fields_that_cannot_be_are_refused(content):
    with pytest.raises(ValueError, match=r"field|table|string|number"):
        hpack.Reader().fields(content)


def test_huffman_strings_are_filled_up_with_ones_and_no_more_than_seven():
    assert huffman.decoded(bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ff")) == b"www.example.com"
    for wrong in ("f1e3c2e5f23a6ba0ab90f400", "f1e3c2e5f23a6ba0ab90f4ffff"):
        with pytest.raises(ValueError, match="Huffman"):
            huffman.decoded(bytes.fromhex(wrong))


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_message_may_come_in_pieces_of_any_size_with_padding(server, size):
    sent = message(half_plus())
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
    fields = block(HEAD)
    with Client(server) as client:
        client.send(frame(HEADERS, 0, 1, fields[:10]))
        client.send(frame(frames.CONTINUATION, 0, 1, fields[10:20]))
        client.send(frame(frames.CONTINUATION, END_HEADERS, 1, fields[20:]))
        for number, piece in enumerate(pieces):
            padding = number % 5
            padded = bytes([padding]) + piece + bytes(padding)
            client.send(frame(DATA, PADDED, 1, padded) + frame(DATA, 0, 1, b""))
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block([(b"a", b"b")])))
        content, fields = client.answer()
        assert outputs(content) == [3.5, 4, 5.5]
        assert fields[b"grpc-status"] == b"0"


def test_large_messages_of_several_calls_may_come_interleaved(server):
    many = [np.full(200_000 + n, n, np.float32) for n in range(3)]
    sent = [message(half_plus(x)) for x in many]
    with Client(server, {frames.INITIAL_WINDOW: frames.WIDEST_WINDOW}) as client:
        client.send(frame(frames.WINDOW, 0, 0, frames.number(2**30)))
        for number in (1, 3, 5):
            client.send(frame(HEADERS, END_HEADERS, number, block(HEAD)))
        for start in range(0, max(map(len, sent)), 50_000):
            for number, content in zip((1, 3, 5), sent, strict=True):
                client.send(frame(DATA, 0, number, content[start : start + 50_000]))
        for number, x in zip((1, 3, 5), many, strict=True):
            client.send(frame(DATA, END_STREAM, number, b""))
            found = outputs(client.answer(number)[0])
            assert len(found) == len(x)
            assert set(found) == {x[0] / 2 + 3}


def test_an_answer_comes_as_the_client_takes_it(server):
    with Client(server, {frames.INITIAL_WINDOW: 0}) as client:
        client.send(call(message(half_plus())))
        received = b""
        client.send(frame(frames.PING, 0, 0, b"01234567"))
        while (one := client.frame())[0] != frames.PING:
            assert one[0] != DATA
        while True:
            client.send(frame(frames.WINDOW, 0, 1, frames.number(7)))
            kind, flags, _, payload = client.frame()
            if kind == HEADERS and flags & END_STREAM:
                break
            if kind == DATA:
                assert len(payload) <= 7
                received += payload
        assert outputs(received[5:]) == [3.5, 4, 5.5]


def test_a_part_of_a_compressed_message_is_not_taken_for_the_whole(server):
    """What it holds so far may well be a message."""
    whole, further = half_plus(), b"\x1a\x01z"  # another filter of what is wanted
    packer = zlib.compressobj(wbits=31)
    part = packer.compress(whole) + packer.flush(zlib.Z_SYNC_FLUSH)
    rest = packer.compress(further) + packer.flush()
    fields = [*HEAD, (b"grpc-encoding", b"gzip")]
    with Client(server) as client:
        client.send(call(message(part, flag=1), 1, fields))
        assert client.answer(1)[1][b"grpc-status"] == b"3"
        client.send(call(message(part + rest, flag=1), 3, fields))
        assert b"z" in client.answer(3)[1][b"grpc-message"]


def test_a_compressed_message_is_read_and_one_that_never_ends_is_not(server):
    fields = [*HEAD, (b"grpc-encoding", b"gzip")]
    with Client(server) as client:
        client.send(call(message(gzip.compress(half_plus()), flag=1), 1, fields))
        assert outputs(client.answer(1)[0]) == [3.5, 4, 5.5]
        client.send(call(message(gzip.compress(bytes(2**27)), flag=1), 3, fields))
        assert client.answer(3)[1][b"grpc-status"] == b"8"
        client.send(call(message(b"nonsense", flag=1), 5, fields))
        assert client.answer(5)[1][b"grpc-status"] == b"3"
        other = [*HEAD, (b"grpc-encoding", b"snappy")]
        client.send(call(message(b"x", flag=1), 7, other))
        assert client.answer(7)[1][b"grpc-status"] == b"12"


@pytest.mark.parametrize(
    ("data", "fields", "status"),
    [
        (message(b"\xff\xff"), HEAD, b"3"),
        (message(half_plus()) * 2, HEAD, b"3"),
        (message(half_plus())[:-1], HEAD, b"3"),
        (b"", HEAD, b"3"),
        (b"\x02" + bytes(4), HEAD, b"3"),
        (struct.pack(">BI", 0, 2**32 - 1), HEAD, b"8"),
        (message(b""), [*HEAD, (b"grpc-timeout", b"soon")], b"3"),
        (message(b""), [*HEAD, (b"grpc-timeout", b"0n")], b"4"),
        (message(b""), [*HEAD[:2], (b":path", b"/Nothing"), *HEAD[3:]], b"12"),
    ],
)
def test_a_call_that_cannot_be_answered_is_told_so(server, data, fields, status):
    with Client(server) as client:
        client.send(call(data, 1, fields))
        assert client.answer()[1][b"grpc-status"] == status
        client.send(call(message(half_plus()), 3))  # and the connection goes on
        assert outputs(client.answer(3)[0]) == [3.5, 4, 5.5]


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [(b":method", b"GET", b"405"), (b"content-type", b"text/html", b"415")],
)
def test_what_is_no_call_is_told_so_in_http(server, name, value, status):
    fields = [(key, value if key == name else own) for key, own in HEAD]
    with Client(server) as client:
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields)))
        assert client.answer()[1] == {b":status": status}


@pytest.mark.parametrize(
    "wrong",
    [
        frame(DATA, 0, 1, b"x"),
        frame(HEADERS, END_HEADERS, 2, block(HEAD)),
        frame(HEADERS, END_HEADERS, 0, block(HEAD)),
        frame(HEADERS, END_HEADERS, 1, b"\x80"),
        frame(HEADERS, 0, 1, b"\x82") + frame(frames.PING, 0, 0, bytes(8)),
        frame(frames.CONTINUATION, END_HEADERS, 1, b"\x82"),
        frame(HEADERS, 0, 1, b"") + frame(frames.CONTINUATION, 0, 1, b"") * 50,
        frame(HEADERS, 0, 1, b"") + frame(frames.CONTINUATION, 0, 1, bytes(20_000)) * 2,
        frame(HEADERS, END_HEADERS | PADDED, 1, b"\x09\x82"),
        frame(HEADERS, END_HEADERS, 1, block(HEAD)) + frame(HEADERS, END_HEADERS, 1, b""),
        frame(HEADERS, END_HEADERS, 1, block(HEAD)) + frame(DATA, PADDED, 1, b"\x05ab"),
        frame(frames.SETTINGS, 0, 1, b""),
        frame(frames.SETTINGS, 0, 0, b"12345"),
        frames.settings({frames.INITIAL_WINDOW: 2**31}),
        frames.settings({frames.LARGEST_FRAME: 100}),
        frame(frames.WINDOW, 0, 0, frames.number(0)),
        frame(frames.WINDOW, 0, 0, b"123"),
        frame(frames.WINDOW, 0, 0, frames.number(2**31 - 1)),
        frame(frames.PING, 0, 0, b"1234567"),
        frame(frames.RESET, 0, 1, frames.number(0)),
        frame(frames.PUSH, 0, 1, b"1234"),
        frames.head(2**24 - 1, DATA, 0, 1),
        frames.head(2**20, HEADERS, 0, 1),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_broken_rule_ends_the_connection_and_no_other(server, wrong):
    with Client(server) as other:
        with Client(server) as client:
            client.send(wrong)
            if wrong.startswith(b"GET"):
                client.socket.shutdown(socket.SHUT_WR)
            found = client.until_end()
            assert all(kind != HEADERS for kind, _, _, _ in found)
        other.send(call(message(half_plus())))
        assert outputs(other.answer()[0]) == [3.5, 4, 5.5]


def test_more_calls_at_once_than_one_client_may_have_are_refused(server):
    numbers = range(1, 2 * 251, 2)
    with Client(server) as client:
        for number in numbers:
            client.send(frame(HEADERS, END_HEADERS, number, block(HEAD)))
        refused = None
        while refused is None:
            kind, _, number, payload = client.frame()
            refused = (number, payload) if kind == frames.RESET else None
        assert refused == (501, frames.number(frames.REFUSED))


def test_calls_that_are_begun_and_reset_leave_nothing_over(server):
    with Client(server) as client:
        for number in range(1, 1800, 2):
            client.send(frame(HEADERS, END_HEADERS, number, block(HEAD)))
            client.send(frame(frames.RESET, 0, number, frames.number(frames.CANCEL)))
        client.send(call(message(half_plus()), 1801))
        assert outputs(client.answer(1801)[0]) == [3.5, 4, 5.5]


def test_a_client_that_asks_without_end_and_reads_nothing_is_ended(server):
    pings = frame(frames.PING, 0, 0, bytes(8)) * 1000
    with Client(server) as client, pytest.raises(ConnectionError):
        send_for_ever(client, pings)


def send_for_ever(client, content):
    while True:
        client.send(content)


def test_a_client_that_takes_no_answer_is_ended_and_others_are_answered(start_server, models):
    flags = ["--workers", "1", "--patience", "0.5", "--slowest-kib", "1e6"]
    server = start_server(models, *flags)
    with Client(server, {frames.INITIAL_WINDOW: 0}) as deaf, Client(server) as other:
        deaf.send(call(message(half_plus())))
        assert all(kind != DATA for kind, _, _, _ in deaf.until_end())
        other.send(call(message(half_plus())))
        assert outputs(other.answer()[0]) == [3.5, 4, 5.5]


def test_a_client_with_much_that_it_does_not_take_is_answered_no_further_until_it_does(
    start_server, models
):
    patient = ["--patience", "600", "--queue-ms", "6e5", "--timeout", "600"]
    server = start_server(models, "--workers", "1", *patient)
    large = np.ones(2_500_000, np.float32)  # and ten megabytes of answer
    most, numbers = outgoing.MOST_BYTES // outgoing.FIRST_GUESS_BYTES, range(1, 17, 2)
    with Client(server, {frames.INITIAL_WINDOW: 0}) as client:
        for number in numbers:
            client.send(call_in_frames(message(half_plus(large)), number))
        begun = set()
        while not begun:
            kind, _, number, _ = client.frame()
            begun |= {number} if kind == HEADERS else set()
        for _ in range(100):
            client.send(frame(frames.PING, 0, 0, bytes(8)))
            while (one := client.frame())[0] != frames.PING:
                begun |= {one[2]} if one[0] == HEADERS else set()
        assert len(begun) <= most < len(numbers)
        for number in (0, *numbers):
            client.send(frame(frames.WINDOW, 0, number, frames.number(2**30)))
        sizes = dict.fromkeys(numbers, 0)
        ended = set()
        while len(ended) < len(numbers):
            kind, flags, number, payload = client.frame()
            sizes[number] = sizes.get(number, 0) + (len(payload) if kind == DATA else 0)
            ended |= {number} if flags & END_STREAM and kind == HEADERS else set()
        assert min(sizes[number] for number in numbers) > large.nbytes


def call_in_frames(data, number):
    parts = [data[start : start + 2**20] for start in range(0, len(data), 2**20)]
    body = b"".join(frame(DATA, 0, number, part) for part in parts)
    head = frame(HEADERS, END_HEADERS, number, block(HEAD))
    return head + body + frame(DATA, END_STREAM, number)


@pytest.mark.parametrize("pause", [1, 9, 23])
def test_the_first_words_may_come_in_pieces(server, pause):
    first = frames.PREFACE + frames.settings({})
    with Client(server, settings=None) as client:
        client.send(first[:pause])
        assert client.frame()[0] == frames.SETTINGS
        server.get("/v2/health/ready")  # meanwhile the first piece is read
        client.send(first[pause:] + call(message(half_plus())))
        assert outputs(client.answer()[0]) == [3.5, 4, 5.5]
