"""TF Serving's util/json_tensor_test.cc, requests: each of its cases, called as it is there."""

import math
import sys

import numpy as np
import pytest

from serving.errors import BadInput
from serving.wire import examples_json
from serving.wire.messages import message
from tests.serving.json_requests import equal, only, parse, refusal

PAIRS = [[7, 8], [9, 10], [11, 12]]
LARGEST, SMALLEST = sys.float_info.max, sys.float_info.min
DEEP = "[" * 500_000 + "]" * 500_000


def test_single_unnamed_tensor():
    parsed = parse('{"instances": [[7, 8], [9, 10], [11, 12]]}', x="int32")
    assert (parsed.signature, parsed.is_row, list(parsed.inputs)) == ("", True, ["x"])
    equal(parsed.inputs["x"], PAIRS, "int32")


def test_deeply_nested_well_formed():
    equal(only(f'{{"instances": [4], "further": {DEEP}}}', "int32"), [4], "int32")


def test_deeply_nested_malformed():
    assert "key must be a string value" in refusal(f'{{"signature_name": {DEEP}}}', x="int32")


def test_mixed_input_for_float_tensor():
    found = only('{"instances": [3, 1.5, 0, 0.0, -2, 6.003, 8e2]}', "float32")
    equal(found, [3, 1.5, 0, 0, -2, 6.003, 800], "float32")


def test_mixed_input_for_double_tensor():
    found = only('{"instances": [3.0, 1, 0, 0.0, -2, 6.003, 8e2]}', "float64")
    equal(found, [3, 1, 0, 0, -2, 6.003, 800], "float64")


def test_float_tensor_with_precision_loss():
    for text in ("1435774380", "1435774380.0", "16777217"):
        equal(only(f'{{"instances": [{text}]}}', "float32"), [float(text)], "float32")


def test_float_tensor_that_exceeds_max_returns_inf():
    for text in (f"{LARGEST:g}", f"{LARGEST!r}"):
        found = only(f'{{"instances": [{text}, -{text}]}}', "float32")
        equal(found, [math.inf, -math.inf], "float32")


def test_float_tensor_that_exceeds_min_returns_zero():
    found = only(f'{{"instances": [{SMALLEST!r}, -{SMALLEST!r}]}}', "float32")
    equal(found, [0, 0], "float32")
    assert np.signbit(found).tolist() == [False, True]


def test_single_unnamed_tensor_with_signature():
    parsed = parse('{"signature_name": "images", "instances": [[1, 2]]}', x="int32")
    assert (parsed.signature, parsed.is_row) == ("images", True)
    equal(parsed.inputs["x"], [[1, 2]], "int32")


def test_tensor_from_non_null_terminated_buffer():
    # What lies behind the object is not looked at.
    equal(only('{"instances": [[7, 8], [9, 10], [11, 12]]}X', "int32"), PAIRS, "int32")


def test_single_unnamed_tensor_base64_scalars():
    text = '{"instances": [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}]}'
    equal(only(text, "string"), [b"hello", b"world"], object)


def test_single_unnamed_tensor_base64_lists():
    text = '{"instances": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}'
    equal(only(text, "string"), [[b"hello"], [b"world"]], object)


def test_single_named_tensor_base64():
    text = '{"instances": [{"x": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}]}'
    equal(only(text, "string"), [[[b"hello"], [b"world"]]], object)


def test_multiple_named_tensor():
    text = """{"instances": [
        {"whole": [[1, 2], [3, 4]], "word": ["a", "é"], "small": [1.5, NaN], "wide": [NaN]},
        {"whole": [[5, 6], [7, 8]], "word": ["", "z"], "small": [-2, Infinity], "wide": [2]}
    ]}"""
    parsed = parse(text, whole="int32", word="string", small="float32", wide="float64")
    assert parsed.is_row
    found = parsed.inputs
    equal(found["whole"], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "int32")
    equal(found["word"], [[b"a", "é".encode()], [b"", b"z"]], object)
    equal(found["small"], [[1.5, np.nan], [-2, np.inf]], "float32")
    equal(found["wide"], [[np.nan], [2]], "float64")


def test_single_unnamed_tensor_columnar_format():
    for written in ('{"x": [[[1, 2], [3, 4], [5, 6]]]}', "[[[1, 2], [3, 4], [5, 6]]]"):
        parsed = parse(f'{{"inputs": {written}}}', x="int32")
        assert not parsed.is_row
        equal(parsed.inputs["x"], [[[1, 2], [3, 4], [5, 6]]], "int32")


def test_multiple_named_tensor_columnar_format():
    text = '{"inputs": {"n": [[[1, 2], [3, 4]]], "s": ["a", "b"], "b": {"b64": "aGVsbG8="}}}'
    parsed = parse(text, n="int32", s="string", b="string")
    assert not parsed.is_row
    equal(parsed.inputs["n"], [[[1, 2], [3, 4]]], "int32")
    equal(parsed.inputs["s"], [b"a", b"b"], object)
    equal(parsed.inputs["b"], b"hello", object)


def test_single_unnamed_tensor_errors():
    for text, says in (
        ("", "The document is empty"),
        ('{"signature_name": 5, "instances": [[1, 2], [3, 4, 5]]}', "must be a string value"),
        ('{"instances": [[1], [2, 3]], "inputs": [[1], [2, 3]]}', "Not formatted correctly"),
        ('{"instances": [[1, 2], [3, 4, 5]]}', "Expecting tensor size: 2 but got: 3"),
        ('{"instances": [[1, 2], [[3, 4]]]}', "Expecting shape [2] but got: [1,2]"),
        ('{"instances": [1, [1]]}', "Expecting shape [] but got: [1]"),
        ('{"instances": [[1, 2], ["a", "b"]]}', "is not of expected type: int32"),
    ):
        assert says in refusal(text, x="int32"), text


def test_multiple_named_tensor_errors():
    both = {"n": "int32", "s": "string"}
    for text, says, dtypes in (
        ('{"instances": [{"n": [[1, 2]], "s": ["a"]}, {"n": [[[1, 2]]], "s": ["b"]}]}',
         "Expecting shape [1,2] but got: [1,1,2]", both),
        ('{"instances": [{"n": [[1, 2]], "s": ["a"]}, {"n": [[1], [2], [3]], "s": ["b"]}]}',
         "Expecting tensor size: 2 but got: 3", both),
        ('{"instances": [{"n": [1, 2], "s": ["a"]}, [1, 20], {"n": [[3]], "s": ["b"]}]}',
         "Expecting object but got list at item 1", both),
        ('{"instances": [["a", "b"], {"s": ["c", "d"]}]}',
         "Expecting value/list but got object at item 1", {"s": "string"}),
    ):  # fmt: skip
        assert says in refusal(text, **dtypes), text


def examples_of(text):
    """What a request to classify or to regress is read into: signature, features of examples."""
    parsed = examples_json.parse(text.encode())
    return parsed.signature, [features(example) for example in parsed.examples]


def features(serialized):
    """The features of a serialized example by name: kind and values."""
    example = message("tensorflow.Example").FromString(serialized)
    found = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        found[name] = kind, list(getattr(feature, kind).value)
    return found


def test_request_no_context():
    text = """{"examples": [
        {"names": ["a", "b"], "ratings": [8.0, 9.5], "age": 20},
        {"names": ["c"], "ratings": 6.0}
    ]}"""
    assert examples_of(text) == (
        "",
        [
            {
                "names": ("bytes_list", [b"a", b"b"]),
                "ratings": ("float_list", [8.0, 9.5]),
                "age": ("int64_list", [20]),
            },
            {"names": ("bytes_list", [b"c"]), "ratings": ("float_list", [6.0])},
        ],
    )


def test_request_with_context_and_signature():
    signature, (first, second, third) = examples_of(
        '{"signature_name": "own", "context": {"query": "pizza", "place": ["here"]}, "examples": ['
        '{"names": ["a", "b"], "ratings": [8.0, 9.5, NaN, Infinity], "age": 20},'
        '{"names": ["c", {"b64": "aGVsbG8="}], "ratings": 6.0, "mixed": [1, true, false]},'
        '{"names": "d", "ratings": -Infinity}]}'
    )
    assert signature == "own"
    for example in (first, second, third):  # what TF Serving keeps apart is here merged at once
        assert example.pop("query") == ("bytes_list", [b"pizza"])
        assert example.pop("place") == ("bytes_list", [b"here"])
    kind, ratings = first.pop("ratings")
    assert kind == "float_list"
    np.testing.assert_array_equal(ratings, [8, 9.5, np.nan, np.inf])
    assert first == {"names": ("bytes_list", [b"a", b"b"]), "age": ("int64_list", [20])}
    assert second == {
        "names": ("bytes_list", [b"c", b"hello"]),
        "ratings": ("float_list", [6.0]),
        "mixed": ("int64_list", [1, 1, 0]),
    }
    assert third == {"names": ("bytes_list", [b"d"]), "ratings": ("float_list", [-math.inf])}


def test_json_errors():
    for text, says in (
        ('{"signature_name": ["x"], "examples": [{"a": 1}]}', "'signature_name' key must be a str"),
        ('{"context": [{"a": ["b"]}]}', "Example must be JSON object"),
        ('{"examples": {"a": ["b"]}}', "Expecting 'examples' value to be an list/array"),
        ('{"examples": [[{"a": ["b"]}]]}', "Example must be JSON object"),
        ('{"examples": [{"a": [1, null]}]}', "a has element with unexpected JSON type: Null"),
        ('{"examples": [{"a": [1, 1.0]}]}', "in feature: a expecting type: int64"),
        ('{"examples": [{"a": [1, {"b": 1}]}]}', "a has element with unexpected JSON type: Object"),
        ('{"examples": [{"a": [[1], 2]}]}', "a has element with unexpected JSON type: Array"),
        ('{"examples": [{"a": [2, 18446744073709551603]}]}', "Only int64_t is supported"),
    ):
        with pytest.raises(BadInput) as refused:
            examples_of(text)
        assert says in str(refused.value), text
