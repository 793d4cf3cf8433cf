"""TF Serving's util/json_tensor_test.cc, answers: each of its cases, called as it is there."""

import json

import numpy as np
import pytest

from serving.errors import BadInput
from serving.wire import answer_json

NUMBERS = np.arange(12, dtype=np.int32).reshape(2, 3, 2)
WORDS = np.array([b"hello", b"world", b"tf", b"serving"], object).reshape(2, 2)
WORDS_IN_BASE64 = [
    [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}],
    [{"b64": "dGY="}, {"b64": "c2VydmluZw=="}],
]


def rows(**outputs):
    return json.loads(answer_json.predictions(outputs))["predictions"]


def columns(**outputs):
    return json.loads(answer_json.outputs(outputs))["outputs"]


def as_written(body):
    """The JSON, in which every number stays the text that it is."""
    return json.loads(body, parse_float=str, parse_int=str, parse_constant=str)


def refusal(answer, *arguments):
    with pytest.raises(BadInput) as refused:
        answer(*arguments)
    return str(refused.value)


def test_from_json_single_tensor():
    assert rows(numbers=NUMBERS) == columns(numbers=NUMBERS) == NUMBERS.tolist()


def test_from_json_single_scalar_tensor():
    array = np.array([1, 2, 3, 4, 5], np.int32)
    assert rows(numbers=array) == columns(numbers=array) == [1, 2, 3, 4, 5]


def test_from_json_single_bytes_tensor():
    assert rows(words_bytes=WORDS) == columns(words_bytes=WORDS) == WORDS_IN_BASE64


def test_from_json_single_float_tensor_six_digit_precision():
    array = np.array([[9000000, 999999, 0.5], [0.0003, 0.00003, 555557.5]], np.float32)
    assert as_written(answer_json.predictions({"y": array})) == {
        "predictions": [["9e+06", "999999.0", "0.5"], ["0.0003", "3e-05", "555557.5"]]
    }


def test_from_json_single_float_tensor_non_finite():
    array = np.array([[np.nan, np.inf], [3, -np.inf]], np.float32)
    assert as_written(answer_json.predictions({"y": array})) == {
        "predictions": [["NaN", "Infinity"], ["3.0", "-Infinity"]]
    }


def test_from_json_single_tensor_errors():
    for outputs, says in (
        ({}, "empty tensor map"),
        ({"y": np.zeros(2, np.complex64)}, "tensor type: complex64"),
        ({"y": np.array(1, np.int32)}, "no shape information"),
    ):
        assert says in refusal(answer_json.predictions, outputs)


def test_from_json_multiple_named_tensors():
    outputs = {
        "whole": NUMBERS,
        "words": np.array([[b"foo", b'"\n'], ["é".encode(), b""]], object),
        "small": np.array([[1.0], [2.5]], np.float32),
        "wide": np.array([8.0, 9.0]),
        "words_bytes": WORDS,
    }
    assert rows(**outputs) == [
        {"whole": NUMBERS[0].tolist(), "words": ["foo", '"\n'], "small": [1.0], "wide": 8.0,
         "words_bytes": WORDS_IN_BASE64[0]},
        {"whole": NUMBERS[1].tolist(), "words": ["é", ""], "small": [2.5], "wide": 9.0,
         "words_bytes": WORDS_IN_BASE64[1]},
    ]  # fmt: skip
    assert columns(**outputs) == {
        "whole": NUMBERS.tolist(),
        "words": [["foo", '"\n'], ["é", ""]],
        "small": [[1.0], [2.5]],
        "wide": [8.0, 9.0],
        "words_bytes": WORDS_IN_BASE64,
    }


def test_from_json_multiple_named_tensors_errors():
    outputs = {"a": NUMBERS[0], "b": WORDS[:1]}
    assert "b has inconsistent batch size: 1 expecting: 3" in refusal(
        answer_json.predictions, outputs
    )


def test_from_json_single_zero_batch_tensor():
    assert rows(numbers=np.zeros((0, 2), np.int32)) == []


def test_from_json_multiple_zero_batch_tensors():
    assert rows(words=np.zeros((0, 1, 2), object), small=np.zeros((0, 3, 4), np.float32)) == []


def test_from_json_multiple_zero_batch_tensors_errors():
    outputs = {"a": NUMBERS[0, :0], "b": WORDS[:1]}
    assert "b has inconsistent batch size: 1 expecting: 0" in refusal(
        answer_json.predictions, outputs
    )


def scored(*scores):
    return list(zip(("car", "bike", "bus"), np.array(scores, np.float32), strict=True))


def test_json_from_classification_result():
    body = answer_json.classifications([scored(0.2, 0.7, 0.1), scored(0.7, 0.1, 0.2)])
    assert json.loads(body) == {
        "results": [
            [["car", 0.2], ["bike", 0.7], ["bus", 0.1]],
            [["car", 0.7], ["bike", 0.1], ["bus", 0.2]],
        ]
    }


def test_json_from_regression_result():
    body = answer_json.regressions(np.array([0.2, 0.9, 1.0], np.float32))
    assert json.loads(body) == {"results": [0.2, 0.9, 1.0]}


def test_json_from_regression_result_with_non_finite():
    values = np.array([0.2, np.inf, 1, -np.inf, np.nan], np.float32)
    assert as_written(answer_json.regressions(values)) == {
        "results": ["0.2", "Infinity", "1.0", "-Infinity", "NaN"]
    }


def test_json_from_result_errors():
    assert "empty ClassificationResults" in refusal(answer_json.classifications, [])
    assert "empty RegressionResults" in refusal(answer_json.regressions, np.zeros(0))


def test_status_ok(server):
    # There, no text is made of a status that is no error; here none is even asked for.
    status, answer = server.post("/v1/models/half_plus:predict", {"instances": [1.0]})
    assert (status, list(answer)) == (200, ["predictions"])


def test_status_error():
    for words in ('Bad key: "key"', "Bad key: 'key'"):
        assert json.loads(answer_json.error(words)) == {"error": words}
