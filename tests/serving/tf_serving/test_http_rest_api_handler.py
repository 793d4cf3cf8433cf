"""TF Serving's model_servers/http_rest_api_handler_test.cc: each of its cases, on a real server."""

import json

import pytest

MODEL = "/v1/models/half_plus_two"
AVAILABLE = {
    "model_version_status": [
        {
            "version": "123",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
}


@pytest.fixture
def answer(model_server):
    """From method, path and body to the JSON of an answer with 200; its type is looked at."""

    def answer(method, path, body=None):
        text = None if body is None else json.dumps(body)
        status, headers, content = model_server.request(method, path, text)
        assert (status, headers["Content-Type"]) == (200, "application/json"), content
        return json.loads(content)

    return answer


@pytest.fixture
def refusal(model_server):
    """From method, path and body to the status and message of an answer that is none."""

    def refusal(method, path, body=""):
        text = body if isinstance(body, str) else json.dumps(body)
        status, _, content = model_server.request(method, path, text)
        (words,) = json.loads(content).values()
        return status, words

    return refusal


def test_path_regex(refusal):
    assert refusal("GET", "/v1/models")[0] == 400  # it is the API's to answer
    for path in ("/statuspage", "/index"):
        assert refusal("GET", path)[0] == 404


def test_unsupported_api_calls(refusal):
    assert refusal("GET", "/v1/models") == (400, "Missing model name in request.")
    too_large = f"/v1/models/foo/versions/{2**64 - 1}:regress"
    assert refusal("POST", too_large) == (
        400,
        f"Failed to convert version: {2**64 - 1} to numeric.",
    )
    for method, path in (
        ("GET", "/v1/foo"),
        ("POST", "/v1/foo"),
        ("GET", "/v1/models/debug/model_name"),
        ("POST", "/v1/models"),
        ("GET", "/v1/models/foo:predict"),
        ("GET", "/v1/models/foo/version/50:predict"),
        ("POST", "/v1/models/foo/version/50:regress"),
        ("POST", "/v1/models/foo/versions/HELLO:regress"),
        ("POST", "/v1/models/foo/metadata"),
        ("POST", "/v1/models/foo/label/some_label:regress"),
        ("POST", "/v1/models/foo/versions/50/labels/some_label:regress"),
        ("POST", "/v1/models/foo/versions/some_label:regress"),
    ):
        assert refusal(method, path) == (400, f"Malformed request: {method} {path}")


def test_predict_model_name_version_errors(refusal):
    for path, asked in (
        ("/v1/models/foo:predict", "Latest(foo)"),
        ("/v1/models/foo/versions/50:predict", "Specific(foo, 50)"),
        (f"{MODEL}99:predict", "Latest(half_plus_two99)"),
        (f"{MODEL}/versions/99:predict", "Specific(half_plus_two, 99)"),
    ):
        found = refusal("POST", path, {"instances": [1]})
        assert found == (404, f"Servable not found for request: {asked}")


def test_predict_request_errors(refusal):
    words = {"instances": ["x", "y"]}
    for path, body, says in (
        (MODEL, "", "JSON Parse error: The document is empty"),
        (MODEL, "instances = [1, 2]", "JSON Parse error: Invalid value"),
        (MODEL, words, "not of expected type: float"),
        (f"{MODEL}/labels/stable", words, "Unrecognized servable version label: stable"),
        (MODEL, {"signature_name": 100}, "'signature_name' key must be a string value."),
    ):
        status, found = refusal("POST", f"{path}:predict", body)
        assert (status, says in found) == (400, True), found


def test_predict(answer):
    rows = {"instances": [[1.0, 2.0], [3.0, 4.0]]}
    assert answer("POST", "/v1/models/pairs:predict", rows) == {
        "predictions": [[2.5, 3.0], [3.5, 4.0]]
    }
    for place in ("", "/versions/123", "/labels/canary"):
        found = answer("POST", f"{MODEL}{place}:predict", {"instances": [1.0, 2.0]})
        assert found == {"predictions": [2.5, 3.0]}
    named = {"signature_name": "serving_default"}
    path = f"{MODEL}/versions/123:predict"
    assert answer("POST", path, {**named, "instances": [3.0, 4.0]}) == {"predictions": [3.5, 4.0]}
    assert answer("POST", path, {**named, "inputs": [3.0, 4.0]}) == {"outputs": [3.5, 4.0]}


def test_regress(answer):
    asked = {"signature_name": "regress_x_to_y", "examples": [{"x": 80.0}]}
    for place in ("", "/versions/123", "/labels/canary"):
        assert answer("POST", f"{MODEL}{place}:regress", asked) == {"results": [42]}


def test_classify(answer):
    for place, x, score in (("", 20.0, 12), ("/versions/123", 20.0, 12), ("/labels/canary", 10, 7)):
        asked = {"signature_name": "classify_x_to_y", "examples": [{"x": float(x)}]}
        assert answer("POST", f"{MODEL}{place}:classify", asked) == {"results": [[["", score]]]}


def test_get_status(answer):
    for place in ("", "/versions/123", "/labels/canary"):
        assert answer("GET", f"{MODEL}{place}") == AVAILABLE


def test_get_model_metadata(answer):
    assert answer("GET", f"{MODEL}/metadata") == METADATA


def info(name, dtype, *lengths):
    """What is said of a tensor."""
    dims = [{"size": str(length), "name": ""} for length in lengths]
    return {
        "dtype": dtype,
        "tensor_shape": {"dim": dims, "unknown_rank": False},
        "name": f"{name}:0",
    }


def definition(inputs, outputs):
    """What is said of a signature; its method is the one that TensorFlow 2 gives to all."""
    return {
        "inputs": inputs,
        "outputs": outputs,
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }


EXAMPLES = {"inputs": info("inputs", "DT_STRING", -1)}
METADATA = {
    "model_spec": {"name": "half_plus_two", "signature_name": "", "version": "123"},
    "metadata": {
        "signature_def": {
            "signature_def": {
                "serving_default": definition(
                    {"x": info("x", "DT_FLOAT", -1)}, {"y": info("y", "DT_FLOAT", -1)}
                ),
                "regress_x_to_y": definition(
                    EXAMPLES, {"outputs": info("outputs", "DT_FLOAT", -1)}
                ),
                "classify_x_to_y": definition(
                    EXAMPLES, {"scores": info("scores", "DT_FLOAT", -1, 1)}
                ),
            }
        }
    },
}
