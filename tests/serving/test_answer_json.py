"""Answers in JSON: the cases of TF Serving's util/json_tensor_test.cc, and all digits."""

import json

import numpy as np
import pytest

from serving.errors import BadInput
from serving.wire import answer_json
from serving.wire.decimals import decimals


def rows(**outputs):
    return json.loads(answer_json.predictions(outputs))["predictions"]


def columns(**outputs):
    return json.loads(answer_json.outputs(outputs))["outputs"]


def strings(*values, shape=None):
    array = np.array([value.encode() for value in values], object)
    return array.reshape(shape or array.shape)


def test_a_single_output_goes_without_its_name():
    array = np.arange(12, dtype=np.int32).reshape(2, 3, 2)
    assert rows(numbers=array) == array.tolist()
    assert columns(numbers=array) == array.tolist()


def test_one_number_for_each_row_is_a_plain_list():
    array = np.array([1, 2, 3], np.int32)
    assert rows(n=array) == columns(n=array) == [1, 2, 3]


def test_a_scalar_is_an_output_but_no_row():
    assert columns(n=np.array(7, np.int64)) == 7
    with pytest.raises(BadInput, match="Tensor name: n has no shape information"):
        rows(n=np.array(7, np.int64))


def test_strings_are_base64_where_the_name_ends_in_bytes():
    array = strings("hello", "world", "tf", "serving", shape=(2, 2))
    encoded = [
        [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}],
        [{"b64": "dGY="}, {"b64": "c2VydmluZw=="}],
    ]
    assert rows(s_bytes=array) == columns(s_bytes=array) == encoded
    assert rows(s=array) == [["hello", "world"], ["tf", "serving"]]


def test_several_outputs_are_objects_by_row_and_an_object_by_column():
    outputs = {
        "whole": np.array([[1, 2], [3, 4]], np.int32),
        "text": strings("a", 'b"\n'),
        "small": np.array([[1.0], [2.5]], np.float32),
        "wide": np.array([8.0, 9.0]),
        "raw_bytes": strings("tf", "x"),
        "is_so": np.array([True, False]),
    }
    assert rows(**outputs) == [
        {"whole": [1, 2], "text": "a", "small": [1.0], "wide": 8.0,
         "raw_bytes": {"b64": "dGY="}, "is_so": True},
        {"whole": [3, 4], "text": 'b"\n', "small": [2.5], "wide": 9.0,
         "raw_bytes": {"b64": "eA=="}, "is_so": False},
    ]  # fmt: skip
    assert columns(**outputs)["wide"] == [8.0, 9.0]
    assert columns(**outputs)["raw_bytes"] == [{"b64": "dGY="}, {"b64": "eA=="}]


def test_the_layout_is_tf_servings():
    assert answer_json.predictions({"y": np.array([2.5, 3], np.float32)}) == (
        b'{\n    "predictions": [2.5, 3.0\n    ]\n}'
    )
    assert answer_json.outputs({"y": np.array([2.5, 3], np.float32)}) == (
        b'{\n    "outputs": [\n        2.5,\n        3.0\n    ]\n}'
    )
    assert answer_json.error('Bad key: "k"') == b'{\n    "error": "Bad key: \\"k\\""\n}'
    assert answer_json.error("\udce1") == b'{\n    "error": "?"\n}'


def test_floats_have_six_digits_or_all_of_them():
    values = [9000000, 999999, 0.5, 0.0003, 0.00003, 555557.5, 1 / 3, 16777216, 123456792]
    assert decimals(np.array(values, np.float32)) == [
        "9e+06", "999999.0", "0.5", "0.0003", "3e-05", "555557.5", "0.333333343", "16777216.0",
        "123456792.0",
    ]  # fmt: skip


def test_non_finite_numbers_are_words():
    array = np.array([[np.nan, np.inf], [3, -np.inf]], np.float32)
    body = answer_json.predictions({"y": array})
    assert b"[NaN, Infinity], [3.0, -Infinity]" in body


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_float_reads_back_as_itself(dtype):
    bits = np.random.default_rng(3).integers(0, 2**63, 20_000, np.uint64)
    wild = bits.astype(np.uint32).view(np.float32) if dtype == "float32" else bits.view(np.float64)
    tame = np.random.default_rng(4).normal(size=20_000).astype(dtype).round(4)
    for values in (wild.astype(dtype), tame, tame[:7]):
        texts = decimals(values)
        np.testing.assert_array_equal(np.array(texts, dtype), values)
        assert all(any(sign in text for sign in ".eNI") for text in texts)


def test_many_rows_are_written_as_each_of_them_alone():
    random = np.random.default_rng(5)
    numbers = random.normal(size=(3000, 4)).astype(np.float32)
    marks = random.integers(0, 9, (3000, 2, 1))
    assert json.loads(answer_json.predictions({"n": numbers}))["predictions"] == [
        rows(n=numbers[place : place + 1])[0] for place in range(3000)
    ]
    found = json.loads(answer_json.predictions({"n": numbers, "m": marks}))["predictions"]
    np.testing.assert_array_equal(np.array([row["n"] for row in found], np.float32), numbers)
    assert [row["m"] for row in found] == marks.tolist()
    columns = json.loads(answer_json.outputs({"n": numbers, "m": marks}))["outputs"]
    assert columns == {"n": [row["n"] for row in found], "m": marks.tolist()}


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ({}, "empty tensor map"),
        ({"y": np.zeros(2, np.complex64)}, "tensor type: complex64"),
        ({"y": np.zeros(2, np.float16)}, "tensor type: half"),
        (
            {"a": np.zeros((2, 3)), "b": np.zeros(1)},
            "b has inconsistent batch size: 1 expecting: 2",
        ),
        (
            {"a": np.zeros((0, 2)), "b": np.zeros(1)},
            "b has inconsistent batch size: 1 expecting: 0",
        ),
    ],
)
def test_what_has_no_form_is_refused(outputs, says):
    with pytest.raises(BadInput, match=says):
        answer_json.predictions(outputs)


def test_no_rows_are_an_empty_list():
    assert rows(n=np.zeros((0, 2), np.int32)) == []
    assert rows(s=np.zeros((0, 1, 2), object), f=np.zeros((0, 3), np.float32)) == []


def test_classes_and_numbers_of_examples():
    pairs = [
        [("car", np.float32(0.2)), ("bus", np.float32(0.8))],
        [("car", np.float32(1)), ("", 0)],
    ]
    assert json.loads(answer_json.classifications(pairs)) == {
        "results": [[["car", 0.2], ["bus", 0.8]], [["car", 1.0], ["", 0.0]]]
    }
    values = np.array([0.2, np.inf, 1, -np.inf, np.nan], np.float32)
    body = answer_json.regressions(values)
    assert body == b'{\n    "results": [0.2, Infinity, 1.0, -Infinity, NaN\n    ]\n}'


def test_no_examples_have_no_results():
    with pytest.raises(BadInput, match="empty ClassificationResults"):
        answer_json.classifications([])
    with pytest.raises(BadInput, match="empty RegressionResults"):
        answer_json.regressions(np.zeros(0))
