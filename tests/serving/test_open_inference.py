"""The Open Inference Protocol v2, as KServe's and Triton's clients speak it, on a real server."""

import json

import pytest

HALF = "/v2/models/half_plus"


def tensor(name="x", datatype="FP32", shape=(3,), data=(1, 2.5, -4)):
    return {"name": name, "datatype": datatype, "shape": list(shape), "data": list(data)}


def test_server_and_models_tell_what_they_are(server):
    status, answer = server.get("/v2")
    assert (status, answer["name"], answer["extensions"]) == (
        200,
        "keras-models",
        ["model_repository"],
    )
    assert server.get("/v2/health/live") == (200, {"live": True})
    assert server.get("/v2/health/ready") == (200, {"ready": True})
    assert server.get(f"{HALF}/versions/123/ready") == (200, {"name": "half_plus", "ready": True})
    status, _, body = server.request("POST", "/v2/repository/index")
    listed = {"name": "sums", "version": "1", "state": "READY", "reason": ""}
    assert (status, listed in json.loads(body)) == (200, True)
    status, answer = server.get("/v2/models/sums")
    assert status == 200
    assert answer["versions"] == ["1"]
    assert answer["inputs"] == [
        {"name": "a", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "b", "datatype": "INT32", "shape": [-1]},
    ]
    assert [one["datatype"] for one in answer["outputs"]] == ["FP32", "INT32", "BOOL"]


def test_inference_answers_with_shape_type_and_flat_data(server):
    content = {"id": "42", "inputs": [tensor()]}
    assert server.post(f"{HALF}/infer", content) == (
        200,
        {
            "model_name": "half_plus",
            "model_version": "124",
            "id": "42",
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [3], "data": [3.5, 4.25, 1.0]}],
        },
    )
    status, answer = server.post(f"{HALF}/versions/123/infer", content)
    assert (status, answer["outputs"][0]["data"]) == (200, [2.5, 3.25, 0.0])


def test_data_may_be_nested_and_outputs_chosen(server):
    inputs = [
        tensor("a", shape=(2, 2), data=[[1, 2], [3, 4]]),
        tensor("b", "INT32", (2,), [0, 5]),
    ]
    content = {"inputs": inputs, "outputs": [{"name": "is_large"}, {"name": "doubled"}]}
    status, answer = server.post("/v2/models/sums/infer", content)
    assert status == 200
    assert [(one["name"], one["data"]) for one in answer["outputs"]] == [
        ("is_large", [False, True]),
        ("doubled", [2.0, 4.0, 6.0, 8.0]),
    ]


def test_another_signature_is_named_in_the_parameters(server):
    content = {"parameters": {"signature_name": "nothing"}, "inputs": [tensor()]}
    status, answer = server.post(f"{HALF}/infer", content)
    assert status == 400
    assert "no signature 'nothing'" in answer["error"]
    content["parameters"]["signature_name"] = "serving_default"
    assert server.post(f"{HALF}/infer", content)[0] == 200


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "document is empty"),
        ("[]", "a JSON object"),
        ({}, "`inputs` is a list of tensors"),
        ({"inputs": [tensor(shape=(9999,), data=[1.25] * 20_000)]}, "has data of shape [20000]"),
        ({"inputs": [5]}, "`inputs` is a list of tensors"),
        ({"inputs": [{}]}, "no name of its own"),
        ({"inputs": [tensor(), tensor()]}, "no name of its own"),
        ({"inputs": [tensor(datatype="FP99")]}, "of no datatype: 'FP99'"),
        ({"inputs": [tensor(shape=(-1,))]}, "has no shape"),
        ({"inputs": [tensor(shape=(2,))]}, "has data of shape [3], and says [2]"),
        ({"inputs": [tensor(shape=(3, 1), data=[[1, 2, 3]])]}, "and says [3, 1]"),
        ({"inputs": [{**tensor(), "data": 5}]}, "has no data"),
        ({"inputs": [tensor(data=[1, 2, "3"])]}, "not of expected type"),
        ({"inputs": [tensor(datatype="INT32", data=[1, 2, 3])]}, "x is float32 [batch], got int32"),
        ({"inputs": [tensor("z")]}, "takes x; got z"),
        ({"inputs": [tensor()], "outputs": [{"name": "z"}]}, "there is no output 'z'"),
        ({"inputs": [tensor()], "parameters": 5}, "`parameters` is an object"),
    ],
)
def test_what_cannot_be_inferred_says_why(server, content, says):
    status, answer = server.post(f"{HALF}/infer", content)
    assert status == 400
    assert says in answer["error"]


def test_what_is_not_there_is_not_found(server):
    for path in ("/v2/models/z", "/v2/models/z/ready", f"{HALF}/versions/9", "/v2/z"):
        assert server.get(path)[0] == 404
    assert server.get(f"{HALF}/infer")[0] == 400
