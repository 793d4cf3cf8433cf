"""Texts as they are, in and out, through the codecs of a model's manifest."""

import io
import json

import numpy as np
import pytest
from PIL import Image

import serving

PLAIN = {"Content-Type": "text/plain"}
ASKED = {"Accept": "text/plain"}
MODEL = "/v1/models/python"


def expected(bundle, prompt, **settings):
    return "".join(serving.load(bundle).stream(prompt, **settings))


@pytest.mark.parametrize("action", ["predict", "stream"])
@pytest.mark.parametrize("prompt", ["The statement", "", "ünknown ☃"])
def test_a_prompt_goes_in_and_its_text_comes_out(texts, text_bundle, action, prompt):
    status, headers, body = texts.request(
        "POST", f"{MODEL}:{action}", prompt.encode(), {**PLAIN, **ASKED}
    )
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert body.decode() == expected(text_bundle, prompt)


def test_without_being_asked_for_text_the_answer_is_json(texts, text_bundle):
    for accept in ({}, {"Accept": "application/json, text/plain, */*"}):
        status, headers, body = texts.request("POST", f"{MODEL}:predict", "if", {**PLAIN, **accept})
        assert (status, headers["Content-Type"]) == (200, "application/json")
        assert json.loads(body) == {"tokens": expected(text_bundle, "if")}


def test_json_is_json_whatever_it_is_called(server, texts):
    asked = json.dumps({"instances": [1.0, 2.0]})
    status, _, body = server.request("POST", "/v1/models/half_plus:predict", asked, PLAIN)
    assert (status, json.loads(body)) == (200, {"predictions": [3.5, 4.0]})
    settings = {"length": 3, "temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    content = {"signature_name": "generate_text", "inputs": {"prompt": ["a", "b"], **settings}}
    status, _, body = texts.request("POST", f"{MODEL}:predict", json.dumps(content), PLAIN)
    assert (status, len(json.loads(body)["outputs"])) == (200, 2)


def test_settings_come_as_json_and_the_text_goes_out_as_it_is(texts, text_bundle):
    settings = {"length": 40, "temperature": 0.5, "top_k": 5, "top_p": 1.0, "seed": 9}
    content = {"signature_name": "generate_text", "inputs": {"prompt": ["class "], **settings}}
    status, _, body = texts.request("POST", f"{MODEL}:predict", json.dumps(content), ASKED)
    assert (status, body.decode()) == (200, expected(text_bundle, "class ", **settings))


def test_prompts_of_different_lengths_in_one_request_are_masked(texts, text_bundle):
    settings = {"length": 30, "temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    prompts = ["a", "The statement is", "", "é☃"]
    content = {"signature_name": "generate_text", "inputs": {"prompt": prompts, **settings}}
    status, answer = texts.post(f"{MODEL}:predict", content)
    assert status == 200
    assert answer["outputs"] == [expected(text_bundle, one, **settings) for one in prompts]


def test_several_texts_are_no_plain_text(texts):
    settings = {"length": 3, "temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 0}
    content = {"signature_name": "generate_text", "inputs": {"prompt": ["a", "b"], **settings}}
    status, _, body = texts.request("POST", f"{MODEL}:predict", json.dumps(content), ASKED)
    assert (status, json.loads(body)["error"]) == (400, "generate_text gave 2 texts: ask for JSON")


def test_the_class_of_a_picture_is_its_name(server):
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 200], [50, 0]], np.uint8)).save(stream, "PNG")
    headers = {"Content-Type": "image/png", **ASKED}
    status, _, body = server.request(
        "POST", "/v1/models/pixels:predict", stream.getvalue(), headers
    )
    assert (status, body) == (200, b"east")


def test_what_is_no_text_or_goes_to_no_text_model_is_refused(texts):
    for path, content, says in (
        (f"{MODEL}:predict", b"\xff", "the text is no UTF-8: byte 0 of it is wrong"),
        (f"{MODEL}:stream", b"ab\xff", "the text is no UTF-8: byte 2 of it is wrong"),
        ("/v1/models/sums:predict", b"a", "sums goes on with no text: send JSON"),
    ):
        status, _, body = texts.request("POST", path, content, PLAIN)
        assert (status, json.loads(body)["error"]) == (400, says)
    content = json.dumps({"instances": [{"a": [1, 2], "b": 0}]})
    status, _, body = texts.request("POST", "/v1/models/sums:predict", content, ASKED)
    assert (status, json.loads(body)["error"]) == (
        400,
        "serving_default gave no text: ask for JSON",
    )
