"""Predict requests in JSON: the cases of TF Serving's util/json_tensor_test.cc, and others."""

import json

import numpy as np
import pytest

from serving.bundle import Tensor
from serving.errors import BadInput, Unsupported
from serving.wire import predict_json


def inputs(**dtypes):
    """A signature's inputs by name and dtype; JSON does not care for their shapes."""
    return [Tensor(name=name, dtype=dtype, shape=("batch",)) for name, dtype in dtypes.items()]


def parse(text, **dtypes):
    """Reads a request by the long way, and holds the short way to it where that answers."""
    body = text.encode() if isinstance(text, str) else text
    parsed = predict_json.parse_at_length(body, lambda _: inputs(**dtypes))
    shortly = predict_json.parse_shortly(body, lambda _: inputs(**dtypes))
    if shortly is not None:
        assert (shortly.signature, shortly.is_row) == (parsed.signature, parsed.is_row)
        assert shortly.inputs.keys() == parsed.inputs.keys()
        for name, array in shortly.inputs.items():
            np.testing.assert_array_equal(array, parsed.inputs[name], strict=True)
    return parsed


def only(text, dtype):
    """The one input of a request."""
    (array,) = parse(text, x=dtype).inputs.values()
    return array


def refusal(text, **dtypes):
    """The message of a request that is refused, whichever way is tried."""
    body = text.encode() if isinstance(text, str) else text
    with pytest.raises(BadInput) as refused:
        predict_json.parse(body, lambda _: inputs(**dtypes))
    return str(refused.value)


def equal(array, values, dtype):
    np.testing.assert_array_equal(array, np.array(values, dtype), strict=True)


def test_rows_of_one_input_need_no_name():
    parsed = parse('{"instances": [[7, 8], [9, 10], [11, 12]]}', x="int32")
    assert (parsed.signature, parsed.is_row) == ("", True)
    equal(parsed.inputs["x"], [[7, 8], [9, 10], [11, 12]], "int32")


def test_unknown_members_are_let_pass_however_deep_they_are():
    deep = "[" * 500_000 + "]" * 500_000
    equal(only(f'{{"instances": [4], "further": {deep}}}', "int32"), [4], "int32")


def test_a_name_that_is_a_deep_list_is_refused():
    deep = "[" * 500_000 + "]" * 500_000
    assert "key must be a string value" in refusal(f'{{"signature_name": {deep}}}', x="int32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_float_tensor_takes_whole_and_decimal_numbers(dtype):
    values = [3, 1.5, 0, 0.0, -2, 6.0625, 8e2]
    equal(only(json.dumps({"instances": values}), dtype), values, dtype)


def test_a_whole_number_that_a_float_cannot_hold_is_rounded():
    for text in ("1435774380", "1435774380.0", "16777217"):
        equal(only(f'{{"instances": [{text}]}}', "float32"), [float(text)], "float32")


def test_beyond_the_range_of_a_float_lies_infinity_and_below_it_zero():
    values = [1.7e308, -1.7e308, 3e-308, -3e-308]
    found = only(json.dumps({"instances": values}), "float32")
    assert found.tolist() == [np.inf, -np.inf, 0, 0]
    assert np.signbit(found).tolist() == [False, True, False, True]


def test_a_signature_is_named():
    parsed = parse('{"signature_name": "images", "instances": [[1, 2]]}', x="int32")
    assert parsed.signature == "images"


def test_what_follows_the_object_is_not_looked_at():
    equal(only('{"instances": [[1, 2]]}X', "int32"), [[1, 2]], "int32")


def test_base64_stands_for_bytes_wherever_a_string_may_be():
    scalars = '{"instances": [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}]}'
    equal(only(scalars, "string"), [b"hello", b"world"], object)
    lists = '{"instances": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}'
    equal(only(lists, "string"), [[b"hello"], [b"world"]], object)
    named = '{"instances": [{"x": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}]}'
    equal(only(named, "string"), [[[b"hello"], [b"world"]]], object)
    column = '{"inputs": {"x": {"b64": "aGVsbG8="}}}'
    assert only(column, "string").item() == b"hello"


def test_rows_of_several_inputs_of_different_types():
    text = """{"instances": [
        {"whole": [[1, 2], [3, 4]], "word": ["a", "é"], "small": [1.5, NaN], "wide": [NaN]},
        {"whole": [[5, 6], [7, 8]], "word": ["", "z"], "small": [-2, Infinity], "wide": [2]}
    ]}"""
    found = parse(text, whole="int32", word="string", small="float32", wide="float64").inputs
    equal(found["whole"], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "int32")
    equal(found["word"], [[b"a", "é".encode()], [b"", b"z"]], object)
    equal(found["small"], [[1.5, np.nan], [-2, np.inf]], "float32")
    equal(found["wide"], [[np.nan], [2]], "float64")


@pytest.mark.parametrize("written", ['{"x": [[[1, 2], [3, 4]]]}', "[[[1, 2], [3, 4]]]"])
def test_a_column_may_go_without_its_name_if_it_is_the_only_one(written):
    parsed = parse(f'{{"inputs": {written}}}', x="int32")
    assert not parsed.is_row
    equal(parsed.inputs["x"], [[[1, 2], [3, 4]]], "int32")


def test_columns_of_several_inputs_have_shapes_of_their_own():
    text = '{"inputs": {"n": [[1, 2]], "s": ["a", "b", "c"], "b": {"b64": "aGVsbG8="}, "more": 1}}'
    found = parse(text, n="int32", s="string", b="string").inputs
    equal(found["n"], [[1, 2]], "int32")
    equal(found["s"], [b"a", b"b", b"c"], object)
    assert found["b"].item() == b"hello"
    assert "more" not in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The document is empty"),
        ("[1]", "Is not object"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"signature_name": 5, "instances": [1]}', "must be a string value"),
        ('{"instances": [1], "inputs": [1]}', "Not formatted correctly expecting only one of"),
        ('{"instances": 7}', "Expecting 'instances' to be an list/array"),
        ('{"instances": []}', "No values in 'instances' array"),
        ('{"instances": [[1, 2], [3, 4, 5]]}', "Expecting tensor size: 2 but got: 3"),
        ('{"instances": [[1, 2], [[3, 4]]]}', "Expecting shape [2] but got: [1,2]"),
        ('{"instances": [1, [1]]}', "Expecting shape [] but got: [1]"),
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
        (
            '{"instances": [{"n": [[1]], "s": ["a"]}, {"n": [[[2]]], "s": ["b"]}]}',
            "Expecting shape",
        ),
        ('{"instances": [{"n": [1, 2], "s": "a"}, {"n": [3], "s": "b"}]}', "Expecting tensor size"),
        ('{"instances": [{"n": 1, "s": "a"}, [1, 2]]}', "Expecting object but got list at item 1"),
        ('{"instances": [{"n": 1}]}', "keys must be equal to: n,s"),
        ('{"instances": [{"n": 1, "s": "a", "z": 0}]}', "does not have named input: z"),
        ('{"instances": [1, 2]}', "expecting list of objects as multiple input tensors required"),
        ('{"inputs": [1, 2]}', "expecting an object as multiple input tensors required"),
        ('{"inputs": {"n": 1}}', "Missing named input: s in 'inputs' object."),
    ],
)
def test_what_is_wrong_among_several_inputs_is_said(text, says):
    assert says in refusal(text, n="int32", s="string")


def test_a_list_and_an_object_do_not_mix():
    text = '{"instances": [["a"], {"x": ["b"]}]}'
    assert "Expecting value/list but got object at item 1" in refusal(text, x="string")


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
