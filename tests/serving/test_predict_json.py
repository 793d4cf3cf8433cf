"""Predict requests in JSON beyond TF Serving's own cases (`tf_serving/`), and the short way."""

import json

import numpy as np
import pytest

from serving.errors import Unsupported
from serving.wire import predict_json
from tests.serving.json_requests import equal, inputs, only, parse, refusal


def test_columns_that_no_input_is_called_are_let_pass():
    found = parse('{"inputs": {"n": [[1, 2]], "more": 1}}', n="int32").inputs
    equal(found.pop("n"), [[1, 2]], "int32")
    assert not found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1]", "Is not object"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": 7}', "Expecting 'instances' to be an list/array"),
        ('{"instances": []}', "No values in 'instances' array"),
        ('{"instances": [["a"]]}', 'JSON Value: "a" Type: String is not of expected type: int32'),
        ('{"instances": [1.0]}', "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        ('{"instances": [2147483648]}', "is not of expected type: int32"),
        ('{"instances": [true]}', "Type: True is not of expected type: int32"),
        ('{"instances": [null]}', "Type: Null is not of expected type: int32"),
        ('{"instances": [1, 2}', "Missing a comma or ] after an array element. at offset: 19"),
        ('{"instances": [1 2]}', "Missing a comma or ] after an array element."),
        ('{"instances": [01]}', "JSON Parse error"),
        ('{"instances": [1.]}', "Miss fraction part in number."),
        ('{"instances": [1e999]}', "Number too big to be stored in double."),
        ('{"inputs": [[1, 2], [3]]}', "Encountered list at unexpected size: 1"),
        ('{"instances": [1], "instances": [2]}', "two members of one object are named"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(text, says):
    assert says in refusal(text, x="int32")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"instances": [{"n": 1}]}', "keys must be equal to: n,s"),
        ('{"instances": [{"n": 1, "s": "a", "z": 0}]}', "does not have named input: z"),
        ('{"instances": [1, 2]}', "expecting list of objects as multiple input tensors required"),
        ('{"inputs": [1, 2]}', "expecting an object as multiple input tensors required"),
        ('{"inputs": {"n": 1}}', "Missing named input: s in 'inputs' object."),
    ],
)
def test_what_is_wrong_among_several_inputs_is_said(text, says):
    assert says in refusal(text, n="int32", s="string")


@pytest.mark.parametrize(
    "given", ['{"b64": 3}', '{"b64": "a", "c": 1}', '{"b64": "aGVsbG8-"}', '{"b64": "a"}', "5"]
)
def test_what_is_no_base64_is_no_string(given):
    assert refusal(f'{{"inputs": [{given}]}}', x="string")


def test_a_type_without_a_form_in_json_is_unsupported():
    with pytest.raises(Unsupported, match="to type: half"):
        parse('{"inputs": [1]}', x="float16")


@pytest.mark.parametrize(
    ("dtype", "least", "most"),
    [
        ("int8", -128, 127),
        ("uint8", 0, 255),
        ("int16", -(2**15), 2**15 - 1),
        ("uint32", 0, 2**32 - 1),
        ("int64", -(2**63), 2**63 - 1),
        ("uint64", 0, 2**64 - 1),
    ],
)
def test_whole_numbers_keep_every_bit_and_never_wrap(dtype, least, most):
    equal(only(f'{{"instances": [{least}, {most}]}}', dtype), [least, most], dtype)
    for outside in (least - 1, most + 1):
        assert "not of expected type" in refusal(f'{{"instances": [{outside}]}}', x=dtype)


def test_ordinary_requests_take_the_short_way():
    rows = np.random.default_rng(0).normal(size=(3, 784)).astype("float32").tolist()
    for body in (
        json.dumps({"instances": rows}),
        json.dumps({"inputs": rows, "signature_name": "s"}),
        json.dumps({"inputs": {"x": rows}}, separators=(",", ":")),
        json.dumps({"instances": [{"x": row} for row in rows]}),
    ):
        found = predict_json.parse_shortly(body.encode(), lambda _: inputs(x="float32"))
        assert found is not None
        equal(found.inputs["x"], rows, "float32")
    one = json.dumps({"inputs": {"x": rows[:1]}}).encode()
    found = predict_json.parse_shortly(one, lambda _: inputs(x="float32"))
    assert found is not None
    equal(found.inputs["x"], rows[:1], "float32")


def test_the_short_way_never_answers_what_the_long_way_refuses():
    wrong = [
        "[[1,2],[3]]", "[[1],[2,3]]", "[[1,[2]]]", '[1,"2"]', "[true]", "[null]", "[[],[1]]",
        "[1,]", "[1 2]", "[-]", "[1e]", "[[1,2],3]", "[{}]", "{}", "[256]", "[-1]", "[1.5]",
        "[[1,[]]]", "[[[1],2]]", "[[[1,2],[3]]]", "[[1,{}]]", '[[1,"["]]', "[[1,true]]",
    ]  # fmt: skip
    for value in wrong:
        for key in ("instances", "inputs"):
            assert refusal(f'{{"{key}": {value}}}', x="uint8"), value
