"""Classify and regress requests in JSON beyond TF Serving's own cases (`tf_serving/`)."""

import json

import pytest

from serving.errors import BadInput
from serving.wire import examples_json
from serving.wire.messages import message


def test_an_examples_own_feature_comes_before_the_contexts():
    parsed = examples_json.parse(b'{"context": {"at": "here"}, "examples": [{"at": "there"}]}')
    example = message("tensorflow.Example").FromString(parsed.examples[0])
    assert list(example.features.feature["at"].bytes_list.value) == [b"there"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "key 'examples' is expected and was not found"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [{"a": ["x", 1]}]}, "in feature: a expecting type: bytes"),
        ({"examples": [{"a": [1.5, True]}]}, "in feature: a expecting type: float"),
        ({"examples": [{"a": 2**64 - 13}]}, "a has uint64_t element. Only int64_t is supported."),
    ],
)
def test_what_is_no_example_is_refused(content, says):
    with pytest.raises(BadInput) as refused:
        examples_json.parse(json.dumps(content).encode())
    assert says in str(refused.value)
