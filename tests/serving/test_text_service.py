"""Texts over gRPC, token by token, and the sessions that they share with REST."""

import contextlib
import json

import grpc
import pytest

import serving
from serving.wire.messages import message

GENERATE = "/keras_serve.TextService/Generate"


@pytest.fixture(scope="module")
def channel(texts):
    with grpc.insecure_channel(f"127.0.0.1:{texts.grpc_port}") as channel:
        yield channel


def generate(server, name="python", **settings):
    """Returns the call, on a channel of its own: so the system chooses a worker anew."""
    request = message("keras_serve.GenerateRequest")(**settings)
    request.model_spec.name = name
    channel = grpc.insecure_channel(
        f"127.0.0.1:{server.grpc_port}", [("grpc.use_local_subchannel_pool", 1)]
    )
    read = message("keras_serve.GenerateResponse").FromString
    call = channel.unary_stream(GENERATE, response_deserializer=read)
    return call(request.SerializeToString())


def pieces(call):
    return [response.text for response in call]


def ended(call):
    with contextlib.suppress(grpc.RpcError):
        pieces(call)
    return call


@pytest.mark.parametrize("prompt", ["The statement", "", "ünknown ☃"])
def test_a_stream_is_what_the_model_gives_in_python(texts, text_bundle, prompt):
    wanted = {"prompt": prompt, "length": 120, "temperature": 0.8, "top_p": 0.9, "seed": 7}
    found = pieces(generate(texts, **wanted))
    assert found == list(serving.load(text_bundle).stream(**wanted))
    assert len(found) > 50


def test_what_is_left_out_is_as_over_rest(texts, text_bundle):
    assert "".join(pieces(generate(texts))) == "".join(serving.load(text_bundle).stream(length=500))


def test_a_session_goes_on_over_grpc_and_rest_alike(texts, text_bundle):
    wanted = {"temperature": 1.2, "seed": 3, "session_id": "of both"}
    text, told = "", []
    for length in (1, 40, 7, 1, 60):
        prompt = {} if told else {"prompt": "for ☃"}
        call = generate(texts, length=length, **prompt, **wanted)
        told.append(dict(call.initial_metadata())["session"])
        text += "".join(pieces(call))
    assert told == ["new", *["resumed"] * 4]
    content = json.dumps({"length": 30, **wanted})
    status, headers, body = texts.request("POST", "/v1/models/python:stream", content)
    assert (status, headers["Session"]) == (200, "resumed")
    events = body.decode().split("\n\n")[:-2]
    text += "".join(json.loads(event.removeprefix("data: "))["text"] for event in events)
    settings = {"temperature": 1.2, "seed": 3, "length": 139}
    whole = "".join(serving.load(text_bundle).stream("for ☃", **settings))
    assert whole.startswith(text)
    assert len(whole) - len(text) <= 1  # the last character may not be whole yet


def test_a_session_that_breaks_off_is_forgotten(texts):
    wanted = {"session_id": "broken", "length": 50_000}
    call = generate(texts, **wanted)
    assert next(call).text
    with pytest.raises(grpc.RpcError, match="in use by another request"):
        pieces(generate(texts, **wanted))
    call.cancel()
    call = ended(generate(texts, session_id="broken", length=1))
    while call.code() != grpc.StatusCode.OK:  # until the server has seen that its client is gone
        assert "in use" in call.details()
        call = ended(generate(texts, session_id="broken", length=1))
    assert dict(call.initial_metadata())["session"] == "new"


@pytest.mark.parametrize(
    ("settings", "code", "says"),
    [
        ({"length": 0}, "INVALID_ARGUMENT", "length must be between 1 and"),
        ({"length": -(2**40)}, "INVALID_ARGUMENT", "length must be between 1 and"),
        ({"temperature": float("nan")}, "INVALID_ARGUMENT", "temperature must be between"),
        ({"top_k": -1}, "INVALID_ARGUMENT", "top_k must be between 0 and"),
        ({"seed": -1}, "INVALID_ARGUMENT", "seed must be between 0 and"),
        ({"session_id": "x" * 201}, "INVALID_ARGUMENT", "session_id may have 200 characters"),
        ({"name": "sums"}, "NOT_FOUND", "no text generator"),
        ({"name": "nobody"}, "NOT_FOUND", "Latest(nobody)"),
        ({"name": ""}, "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    ],
)
def test_what_cannot_be_made_says_why(texts, settings, code, says):
    with pytest.raises(grpc.RpcError) as refused:
        pieces(generate(texts, **settings))
    assert refused.value.code().name == code
    assert says in refused.value.details()


def test_bytes_that_are_no_message_are_refused(channel):
    with pytest.raises(grpc.RpcError, match="the request is no keras_serve"):
        list(channel.unary_stream(GENERATE)(b"\xff\xff"))
    with pytest.raises(grpc.RpcError, match="Missing ModelSpec"):
        list(channel.unary_stream(GENERATE)(b""))
