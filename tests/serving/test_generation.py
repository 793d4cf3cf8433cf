"""Texts that are streamed by a real server, and sessions that go on with them on any worker."""

import json

import pytest

import serving

PATH = "/v1/models/python:stream"


def stream(server, **content):
    """Returns the pieces of a text, and the headers."""
    status, headers, body = server.request("POST", PATH, json.dumps(content))
    assert status == 200, body
    events = body.decode().split("\n\n")
    assert events.pop() == ""
    kind, done = events.pop().split("\n")
    assert (kind, json.loads(done.removeprefix("data: "))) == (
        "event: done",
        {"tokens": content["length"]},
    )
    return [json.loads(event.removeprefix("data: "))["text"] for event in events], headers


@pytest.mark.parametrize("prompt", ["The statement", "", "ünknown ☃"])
def test_a_stream_is_what_the_model_gives_in_python(texts, text_bundle, prompt):
    pieces, headers = stream(texts, prompt=prompt, length=120, temperature=0.8, seed=7)
    assert headers["Content-Type"] == "text/event-stream"
    expected = serving.load(text_bundle).stream(prompt, length=120, temperature=0.8, seed=7)
    assert pieces == list(expected)


def test_a_session_goes_on_as_if_it_were_one_request_whichever_worker_answers(texts, text_bundle):
    wanted = {"temperature": 1.2, "seed": 3}
    text, told = "", []
    for length in (1, 40, 7, 1, 1, 60):  # every request on a connection of its own
        prompt = {"prompt": "for ☃"} if not told else {}
        pieces, headers = stream(texts, session_id="a b/é", length=length, **prompt, **wanted)
        text += "".join(pieces)
        told.append(headers["Session"])
    assert told == ["new", *["resumed"] * 5]
    whole = "".join(serving.load(text_bundle).stream("for ☃", length=110, **wanted))
    assert whole.startswith(text)
    assert len(whole) - len(text) <= 1  # the last character may not be whole yet


def test_two_sessions_do_not_mix(texts):
    def both(first, second):
        begin = [
            stream(texts, session_id=one, prompt="if ", length=9)[0] for one in (first, second)
        ]
        return begin, [stream(texts, session_id=one, length=9)[0] for one in (first, second)]

    begin, then = both("one", "two")
    assert begin[0] == begin[1]
    assert then[0] == then[1] != begin[0]


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        ("[]", 400, "a JSON object"),
        ("{", 400, "JSON Parse error"),
        ({"length": 0}, 400, "length must be between 1 and"),
        ({"length": 1.5}, 400, "length must be a whole number"),
        ({"length": True}, 400, "length must be a whole number"),
        ({"prompt": 5}, 400, "prompt must be a string"),
        ({"temperature": "hot"}, 400, "temperature must be a number"),
        ('{"temperature": NaN}', 400, "temperature must be between"),
        ({"seed": -1}, 400, "seed must be between 0 and"),
        ({"words": 5}, 400, "unknown member 'words'"),
        ({"session_id": "x" * 201}, 400, "session_id may have 200 characters"),
    ],
)
def test_what_cannot_be_made_says_why(texts, content, status, says):
    found, answer = texts.post(PATH, content)
    assert found == status
    assert says in answer["error"]


def test_other_models_make_no_text(texts):
    status, answer = texts.post("/v1/models/sums:stream", {})
    assert status == 404
    assert "no text generator" in answer["error"]
    assert texts.post("/v1/models/nobody:stream", {})[0] == 404
