"""Answers in JSON beyond TF Serving's own cases (`tf_serving/`): layout, digits, many rows."""

import json

import numpy as np
import pytest

from serving.errors import BadInput
from serving.wire import answer_json
from serving.wire.decimals import decimals


def rows(**outputs):
    return json.loads(answer_json.predictions(outputs))["predictions"]


def test_a_scalar_is_an_output_but_no_row():
    body = answer_json.outputs({"n": np.array(7, np.int64)})
    assert json.loads(body) == {"outputs": 7}
    with pytest.raises(BadInput, match="Tensor name: n has no shape information"):
        rows(n=np.array(7, np.int64))


def test_the_layout_is_tf_servings():
    assert answer_json.predictions({"y": np.array([2.5, 3], np.float32)}) == (
        b'{\n    "predictions": [2.5, 3.0\n    ]\n}'
    )
    assert answer_json.outputs({"y": np.array([2.5, 3], np.float32)}) == (
        b'{\n    "outputs": [\n        2.5,\n        3.0\n    ]\n}'
    )
    assert answer_json.regressions(np.array([0.2, np.inf], np.float32)) == (
        b'{\n    "results": [0.2, Infinity\n    ]\n}'
    )
    assert answer_json.error('Bad key: "k"') == b'{\n    "error": "Bad key: \\"k\\""\n}'
    assert answer_json.error("\udce1") == b'{\n    "error": "?"\n}'


def test_floats_that_six_digits_do_not_tell_have_all_of_them():
    values = np.array([1 / 3, 16777216, 123456792], np.float32)
    assert decimals(values) == ["0.333333343", "16777216.0", "123456792.0"]


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


def test_a_type_without_a_form_in_json_is_refused():
    with pytest.raises(BadInput, match="tensor type: half"):
        answer_json.predictions({"y": np.zeros(2, np.float16)})
