"""TF Serving's model_servers/http_rest_api_util_test.cc: both of its cases."""

import pytest

from serving.api.rest_paths import parse
from serving.errors import BadInput

RESERVED, ENCODED = (
    "!#$%&'()*+,/:;=?@[]",
    "%21%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D",
)
MODEL, LABEL = f"model{RESERVED}", f"label{RESERVED}"
MODEL_ENCODED, LABEL_ENCODED = f"model{ENCODED}", f"label{ENCODED}"


def parts(method, target):
    path = parse(method, f"/v1/{target}")
    return path.model, path.version, path.label, path.action


def refusal(method, target):
    with pytest.raises(BadInput) as refused:
        parse(method, f"/v1/{target}")
    return str(refused.value)


def test_parse_model_info_for_get():
    for target, expected in (
        (f"models/{MODEL_ENCODED}", (MODEL, None, None, "status")),
        ("models/m/versions/99", ("m", 99, None, "status")),
        ("models/m/labels/latest", ("m", None, "latest", "status")),
        (f"models/m/labels/{LABEL_ENCODED}", ("m", None, LABEL, "status")),
        ("models/m/labels/latest/metadata", ("m", None, "latest", "metadata")),
        (f"models/{MODEL_ENCODED}/labels/{LABEL_ENCODED}/metadata",
         (MODEL, None, LABEL, "metadata")),
    ):  # fmt: skip
        assert parts("GET", target) == expected
    for target in ("foo", "models/foo:predict", "models/foo/version/50:predict"):
        assert refusal("GET", target) == f"Malformed request: GET /v1/{target}"


def test_parse_model_info_for_post():
    for target, expected in (
        (f"models/{MODEL_ENCODED}:predict", (MODEL, None, None, "predict")),
        ("models/m/versions/99:predict", ("m", 99, None, "predict")),
        ("models/m/labels/latest:predict", ("m", None, "latest", "predict")),
        (f"models/m/labels/{LABEL_ENCODED}:predict", ("m", None, LABEL, "predict")),
        (f"models/{MODEL_ENCODED}/labels/{LABEL_ENCODED}:predict", (MODEL, None, LABEL, "predict")),
    ):
        assert parts("POST", target) == expected
    for target in (
        "foo",
        "models",
        "models/foo/version/50:predict",
        "models/foo/versions/string:predict",
        "models/foo/metadata",
        "models/foo/versions/50/labels/some_label:regress",
    ):
        assert refusal("POST", target) == f"Malformed request: POST /v1/{target}"
    too_large = f"models/foo/versions/{2**64 - 1}:predict"
    assert refusal("POST", too_large) == f"Failed to convert version: {2**64 - 1} to numeric."
