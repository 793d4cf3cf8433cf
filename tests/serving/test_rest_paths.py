"""Paths of the REST API beyond TF Serving's own cases (`tf_serving/`): its regular expressions."""

import pytest

from serving.api.rest_paths import parse
from serving.errors import BadInput


def parts(method, target):
    path = parse(method, target)
    return path.model, path.version, path.label, path.action


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/v1/models", ("", None, None, "status")),
        ("GET", "/v1/models/m/versions/0099/metadata", ("m", 99, None, "metadata")),
        ("GET", "/V1/MODELS/m/METADATA", ("m", None, None, "status")),
        ("POST", "/V1/Models/m/Versions/3:classify", ("m", 3, None, "classify")),
        ("POST", "/v1/models/m/labels/stable:regress", ("m", None, "stable", "regress")),
    ],
)
def test_what_a_path_asks_for(method, target, expected):
    assert parts(method, target) == expected


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1/models/foo:PREDICT"),
        ("POST", "/v1/models/foo:explain"),
        ("PUT", "/v1/models/foo:predict"),
        ("POST", "/v1/models/foo:predict?x=1"),
    ],
)
def test_what_comes_close_is_malformed_too(method, target):
    with pytest.raises(BadInput) as refused:
        parse(method, target)
    assert str(refused.value) == f"Malformed request: {method} {target}"


def test_a_version_has_63_bits():
    assert parts("GET", f"/v1/models/m/versions/{2**63 - 1}")[1] == 2**63 - 1
    with pytest.raises(BadInput, match=f"Failed to convert version: {2**63} to numeric."):
        parse("GET", f"/v1/models/m/versions/{2**63}")
