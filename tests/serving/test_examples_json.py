"""Classify and regress requests: the cases of TF Serving's util/json_tensor_test.cc."""

import json

import pytest

from serving.errors import BadInput
from serving.wire import examples_json
from serving.wire.messages import message


def features(serialized):
    """The features of a serialized example by name: kind and values."""
    example = message("tensorflow.Example").FromString(serialized)
    found = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        found[name] = kind, list(getattr(feature, kind).value)
    return found


def parse(content):
    text = content if isinstance(content, str) else json.dumps(content)
    return examples_json.parse(text.encode())


def test_values_become_features_of_their_kind():
    parsed = parse(
        {"examples": [{"names": ["a", "b"], "ratings": [8.0, 9.5], "age": 20}, {"ratings": 6.0}]}
    )
    assert parsed.signature == ""
    assert [features(example) for example in parsed.examples] == [
        {
            "names": ("bytes_list", [b"a", b"b"]),
            "ratings": ("float_list", [8.0, 9.5]),
            "age": ("int64_list", [20]),
        },
        {"ratings": ("float_list", [6.0])},
    ]


def test_a_context_is_part_of_every_example():
    parsed = parse(
        '{"signature_name": "own", "context": {"query": "pizza", "place": ["here"]}, "examples": ['
        '{"names": ["baz", {"b64": "aGVsbG8="}], "mixed": [1, true, false]},'
        '{"ratings": [-Infinity, Infinity], "place": "there"}]}'
    )
    assert parsed.signature == "own"
    first, second = map(features, parsed.examples)
    assert first["query"] == second["query"] == ("bytes_list", [b"pizza"])
    assert first["names"] == ("bytes_list", [b"baz", b"hello"])
    assert first["mixed"] == ("int64_list", [1, 1, 0])
    assert second["ratings"] == ("float_list", [float("-inf"), float("inf")])
    assert second["place"] == ("bytes_list", [b"there"])  # an example's own feature comes last


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"signature_name": ["x"], "examples": [{}]}, "'signature_name' key must be a string"),
        ({"context": [{"a": 1}]}, "Example must be JSON object but got JSON Array"),
        ({}, "key 'examples' is expected and was not found"),
        ({"examples": {"a": 1}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [[{"a": 1}]]}, "Example must be JSON object but got JSON Array"),
        ({"examples": [{"a": [1, None]}]}, "a has element with unexpected JSON type: Null"),
        ({"examples": [{"a": [1, 1.0]}]}, "in feature: a expecting type: int64"),
        ({"examples": [{"a": ["x", 1]}]}, "in feature: a expecting type: bytes"),
        ({"examples": [{"a": [1.5, True]}]}, "in feature: a expecting type: float"),
        ({"examples": [{"a": [1, {"b": 1}]}]}, "a has element with unexpected JSON type: Object"),
        ({"examples": [{"a": [[1], 2]}]}, "a has element with unexpected JSON type: Array"),
        ({"examples": [{"a": 2**64 - 13}]}, "a has uint64_t element. Only int64_t is supported."),
    ],
)
def test_what_is_no_example_is_refused(content, says):
    with pytest.raises(BadInput) as refused:
        parse(content)
    assert says in str(refused.value)
