"""Paths of the REST API: the cases of TF Serving's http_rest_api_util and _handler tests."""

import pytest

from serving.api.rest_paths import parse
from serving.errors import BadInput

RESERVED = "%21%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D"
"""What a name may hold once it is encoded."""


def parts(method, target):
    path = parse(method, target)
    return path.model, path.version, path.label, path.action


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/v1/models", ("", None, None, "status")),
        ("GET", "/v1/models/m", ("m", None, None, "status")),
        ("GET", "/v1/models/m/versions/99", ("m", 99, None, "status")),
        ("GET", "/v1/models/m/versions/0099/metadata", ("m", 99, None, "metadata")),
        ("GET", "/v1/models/m/labels/canary", ("m", None, "canary", "status")),
        ("GET", "/v1/models/m/labels/canary/metadata", ("m", None, "canary", "metadata")),
        ("GET", "/V1/MODELS/m/METADATA", ("m", None, None, "status")),
        ("POST", "/v1/models/m:predict", ("m", None, None, "predict")),
        ("POST", "/V1/Models/m/Versions/3:classify", ("m", 3, None, "classify")),
        ("POST", "/v1/models/m/labels/stable:regress", ("m", None, "stable", "regress")),
        ("POST", f"/v1/models/m{RESERVED}:predict",
         ("m!#$%&'()*+,/:;=?@[]", None, None, "predict")),
        ("GET", f"/v1/models/m{RESERVED}/labels/l{RESERVED}/metadata",
         ("m!#$%&'()*+,/:;=?@[]", None, "l!#$%&'()*+,/:;=?@[]", "metadata")),
    ],
)  # fmt: skip
def test_what_a_path_asks_for(method, target, expected):
    assert parts(method, target) == expected


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/foo"),
        ("POST", "/v1/foo"),
        ("GET", "/v1/models/debug/model_name"),
        ("POST", "/v1/models"),
        ("GET", "/v1/models/foo:predict"),
        ("GET", "/v1/models/foo/version/50:predict"),
        ("POST", "/v1/models/foo/version/50:regress"),
        ("POST", "/v1/models/foo/versions/HELLO:regress"),
        ("POST", "/v1/models/foo/metadata"),
        ("POST", "/v1/models/foo/label/some:regress"),
        ("POST", "/v1/models/foo/versions/50/labels/some:regress"),
        ("POST", "/v1/models/foo:PREDICT"),
        ("POST", "/v1/models/foo:explain"),
        ("PUT", "/v1/models/foo:predict"),
        ("POST", "/v1/models/foo:predict?x=1"),
    ],
)
def test_everything_else_is_malformed(method, target):
    with pytest.raises(BadInput) as refused:
        parse(method, target)
    assert str(refused.value) == f"Malformed request: {method} {target}"


def test_a_version_has_63_bits():
    assert parts("GET", f"/v1/models/m/versions/{2**63 - 1}")[1] == 2**63 - 1
    with pytest.raises(BadInput, match=f"Failed to convert version: {2**63} to numeric."):
        parse("GET", f"/v1/models/m/versions/{2**63}")
