"""TF Serving's REST API against a real server: its own end-to-end cases, and bad input."""

import base64
import gzip
import io
import json

import numpy as np
import pytest
from PIL import Image

HALF = "/v1/models/half_plus"


def test_the_highest_version_answers_and_others_by_number(server):
    content = {"instances": [1.0, 2, 5.0]}
    assert server.post(f"{HALF}:predict", content) == (200, {"predictions": [3.5, 4.0, 5.5]})
    assert server.post(f"{HALF}/versions/123:predict", content)[1]["predictions"] == [2.5, 3.0, 4.5]
    assert server.post(f"{HALF}/versions/0124:predict", content)[0] == 200


def test_columns_are_answered_with_columns(server):
    content = {"inputs": {"x": [2.0]}, "signature_name": "serving_default"}
    assert server.post(f"{HALF}:predict", content) == (200, {"outputs": [4.0]})
    status, answer = server.post("/v1/models/sums:predict", {"inputs": {"a": [[1, 2.5]], "b": [7]}})
    assert status == 200
    assert answer["outputs"] == {"doubled": [[2.0, 5.0]], "next": [8], "is_large": [True]}


def test_rows_of_several_inputs_are_answered_by_row(server):
    rows = [{"a": [1, 2], "b": 0}, {"b": 2, "a": [0.5, 0]}]
    assert server.post("/v1/models/sums:predict", {"instances": rows})[1]["predictions"] == [
        {"doubled": [2.0, 4.0], "next": 1, "is_large": False},
        {"doubled": [1.0, 0.0], "next": 3, "is_large": True},
    ]


def test_nan_and_infinity_go_in_and_out(server):
    status, answer = server.post(f"{HALF}:predict", '{"instances": [NaN, Infinity, -Infinity, 0]}')
    assert status == 200
    assert np.isnan(answer["predictions"][0])
    assert answer["predictions"][1:] == [float("inf"), float("-inf"), 3.0]


def test_nan_of_which_a_graph_makes_a_number_is_refused_with_the_reason(server):
    path = "/v1/models/rectified:predict"
    assert server.post(path, '{"instances": [[-1, Infinity]]}')[0] == 200
    status, answer = server.post(path, '{"instances": [[-1, 2], [3, NaN]]}')
    assert status == 400
    assert answer["error"].startswith("x holds NaN, which is not taken")


def test_no_rows_give_no_rows(server):
    assert server.post(f"{HALF}:predict", {"inputs": []}) == (200, {"outputs": []})
    status, answer = server.post("/v1/models/pixels:predict", {"inputs": {"image": []}})
    assert (status, answer["outputs"]) == (200, {"probabilities": [], "label": []})


def test_a_series_of_no_steps_is_refused_where_its_answer_would_be_made_up(server):
    status, answer = server.post("/v1/models/series:predict", {"inputs": [[], []]})
    assert status == 400
    assert "at least one time" in answer["error"]


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.array(pixels, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


EAST = [[0, 200], [50, 0]]


def test_bytes_of_a_picture_go_in_as_base64(server):
    row = {"image_bytes": {"b64": base64.b64encode(png(EAST)).decode()}}
    content = {"signature_name": "classify_image_bytes", "instances": [row]}
    status, answer = server.post("/v1/models/pixels:predict", content)
    assert status == 200
    assert answer["predictions"][0]["class"] == "east"
    content["instances"] = [{"image_bytes": {"b64": "bm8gcGljdHVyZQ=="}}]
    status, answer = server.post("/v1/models/pixels:predict", content)
    assert status == 400
    assert "no PNG or JPEG" in answer["error"]


def test_a_picture_is_sent_as_it_is_and_answered_with_names(server):
    path = "/v1/models/pixels:predict"
    status, _, body = server.request("POST", path, png(EAST), {"Content-Type": "image/png"})
    answer = json.loads(body)
    assert (status, answer["label"]) == (200, "east")
    assert [name for name, _ in answer["probabilities"]][:2] == ["east", "south"]
    for other, content in ((path, b"none"), (f"{HALF}:predict", png(EAST))):
        status, _, body = server.request("POST", other, content, {"Content-Type": "image/jpeg"})
        assert (status, b'"error"' in body) == (400, True)


def test_pictures_come_back_as_a_grid(server):
    images = np.arange(0, 120, 10, dtype=np.uint8).reshape(3, 2, 2, 1)
    content = {"signature_name": "negative", "instances": images.tolist()}
    headers = {"Accept": "image/png"}
    path = "/v1/models/pixels:predict"
    status, answered, body = server.request("POST", path, json.dumps(content), headers)
    assert (status, answered["Content-Type"]) == (200, "image/png")
    sheet = np.asarray(Image.open(io.BytesIO(body)))
    first, second, third = 255 - images[..., 0]
    expected = np.block([[first, second], [third, np.zeros((2, 2))]])
    np.testing.assert_array_equal(sheet, expected)
    content["signature_name"] = "serving_default"
    assert server.request("POST", path, json.dumps(content), headers)[0] == 400


def test_classify_and_regress_read_examples(server):
    example = {"image_bytes": {"b64": base64.b64encode(png(EAST)).decode()}}
    content = {"signature_name": "classify", "examples": [example]}
    status, answer = server.post("/v1/models/pixels:classify", content)
    assert status == 200
    names, scores = zip(*answer["results"][0], strict=True)
    assert names == ("north", "east", "south", "west")
    assert np.argmax(scores) == 1
    content = {"signature_name": "regress_x_to_y", "context": {"x": 3.0}, "examples": [{}]}
    content["examples"].append({"x": 80.0})
    expected = 200, {"results": [4.5, 43.0]}
    assert server.post(f"{HALF}:regress", content) == expected
    assert server.post(f"{HALF}/versions/123:regress", content)[1] == {"results": [3.5, 42.0]}


@pytest.mark.parametrize(
    ("path", "content", "status", "says"),
    [
        ("nobody:predict", {"instances": [1]}, 404, "not found for request: Latest(nobody)"),
        ("half_plus/versions/50:predict", {"instances": [1]}, 404, "Specific(half_plus, 50)"),
        ("half_plus/labels/x:predict", {"instances": [1]}, 400,
         "Unrecognized servable version label: x"),
        ("half_plus:predict", {"instances": [1], "signature_name": "z"}, 400,
         'Serving signature name: "z" not found in signature def'),
        ("pixels:predict", {"instances": [1], "signature_name": "mystery"}, 501,
         "is in the SavedModel alone"),
        ("half_plus:predict", "", 400, "JSON Parse error: The document is empty."),
        ("half_plus:predict", '{"instances": [1}', 400, "JSON Parse error: Missing a comma or ]"),
        ("half_plus:predict", {"instances": ["a"]}, 400, "is not of expected type: float"),
        ("half_plus:predict", {"instances": [[1]]}, 400, "x is float32 [batch], got shape [1, 1]"),
        ("half_plus:predict", {"inputs": 1}, 400, "x is float32 [batch], got shape []"),
        ("sums:predict", {"inputs": {"a": [[1, 2]], "b": [1, 2]}}, 400, "got shape [2]"),
        ("sums:predict", {"instances": [{"a": [1, 2]}]}, 400, "keys must be equal to: a,b"),
        ("half_plus:regress", {"examples": [{"x": 1.0}]}, 400, "No regression inputs found in"),
        ("half_plus:classify", {"examples": [{"x": 1.0}]}, 400, "No classification inputs found"),
        ("sums:classify", {"examples": [{"x": 1.0}]}, 400, "Expected one input Tensor."),
        ("half_plus:regress", {"examples": [{"x": 1}], "signature_name": "regress_x_to_y"}, 400,
         "Key: x.  Data types don't match. Expected type: float"),
        ("half_plus:regress", {"examples": [{}], "signature_name": "regress_x_to_y"}, 400,
         "Key: x.  Can't parse serialized Example"),
        ("half_plus:regress", {"examples": [{}], "signature_name": "z"}, 400,
         "No signature was found with the name: z"),
        ("half_plus:regress", {}, 400, "key 'examples' is expected"),
        ("half_plus:explain", {}, 400, "Malformed request: POST /v1/models/half_plus:explain"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_says_why(server, path, content, status, says):
    found, answer = server.post(f"/v1/models/{path}", content)
    assert found == status
    assert list(answer) == ["error"]
    assert says in answer["error"]


def test_states_are_told_the_highest_version_first(server):
    status, answer = server.get(HALF)
    assert status == 200
    ok = {"error_code": "OK", "error_message": ""}
    assert answer == {
        "model_version_status": [
            {"version": number, "state": "AVAILABLE", "status": ok} for number in ("124", "123")
        ]
    }
    assert len(server.get(f"{HALF}/versions/123")[1]["model_version_status"]) == 1
    for path, says in (
        ("/v1/models/x", "any versions of model x"),
        (f"{HALF}/versions/1", "version 1"),
    ):
        status, answer = server.get(path)
        assert (status, f"Could not find {says}" in answer["error"]) == (404, True)
    assert server.get("/v1/models") == (400, {"error": "Missing model name in request."})


def test_metadata_is_every_signature_with_all_its_fields(server):
    status, answer = server.get(f"{HALF}/versions/123/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "half_plus", "signature_name": "", "version": "123"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == {"serving_default", "regress_x_to_y", "classify_x_to_y"}
    assert signatures["serving_default"]["inputs"]["x"] == {
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": "x:0",
    }
    assert server.get("/v1/models/x/metadata")[0] == 404


def test_a_request_may_be_compressed(server):
    body = gzip.compress(json.dumps({"instances": [4.0]}).encode())
    encoded = {"Content-Encoding": "gzip"}
    status, _, answer = server.request("POST", f"{HALF}:predict", body, encoded)
    assert (status, json.loads(answer)) == (200, {"predictions": [5.0]})
    for wrong in (b"no gzip", body[:-4], b""):
        assert server.request("POST", f"{HALF}:predict", wrong, encoded)[0] == 400
    bomb = gzip.compress(b" " * (17 * 2**20))
    assert server.request("POST", f"{HALF}:predict", bomb, encoded)[0] == 413


def test_a_body_has_a_largest_size(server):
    filled = b'{"instances": [1.0]}'.ljust(16 * 2**20)
    assert server.request("POST", f"{HALF}:predict", filled)[0] == 200
    answer = server.raw(
        b"POST /v1/models/half_plus:predict HTTP/1.1\r\nContent-Length: 16777217\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_json_is_told_to_be_json(server):
    status, headers, _ = server.request("GET", HALF)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert "Access-Control-Allow-Origin" not in headers
    assert server.request("OPTIONS", HALF, headers={"Origin": "http://a.b"}.items())[0] == 200
    assert server.request("OPTIONS", HALF)[0] == 400
    assert server.request("GET", "/v2/nothing")[0] == 404


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /v1/models/half_plus HTTP/1.1\r\nA : b\r\n\r\n", b"400"),
        (b"GET /%00../../etc HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /v1/models/..%2F..%2Fetc HTTP/1.1\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
        (b"POST /v1/models/half_plus:predict HTTP/1.1\r\nContent-Length: 9\r\n\r\n{", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_request_is_answered_all_the_same(server, request_, status):
    answer = server.raw(request_)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b'"error"' in answer


def test_requests_on_one_connection_are_answered_in_order(server):
    def post(x):
        body = b'{"instances": [%d]}' % x
        head = b"POST /v1/models/half_plus:predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
        return head % len(body) + body

    chunked = (
        b"POST /v1/models/half_plus:predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'10\r\n{"instances": [5\r\n2\r\n]}\r\n0\r\n\r\n'
    )
    last = b"GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n"
    answers = server.raw(post(1) + post(3) + chunked + last, ends=False)
    found = [answers.find(text) for text in (b"[3.5", b"[4.5", b"[5.5", b"Missing model name")]
    assert found == sorted(found)
    assert -1 not in found


def test_every_worker_has_the_same_models(server):
    answers = {
        json.dumps(server.post(f"{HALF}:predict", {"instances": [k % 3]})) for k in range(30)
    }
    assert len(answers) == 3


def test_what_is_counted_is_the_sum_of_all_workers(server):
    def count():
        _, _, page = server.request("GET", "/monitoring/prometheus/metrics")
        name = b':tensorflow:serving:request_count{model_name="series",status="OK"} '
        assert b"# TYPE :tensorflow:serving:request_latency histogram" in page
        (line,) = [line for line in page.splitlines() if line.startswith(name)] or [name + b"0"]
        return int(line.removeprefix(name))

    before = count()
    for _ in range(12):
        assert server.post("/v1/models/series:predict", {"instances": [[1.0]]})[0] == 200
    assert count() == before + 12
    _, _, page = server.request("GET", "/monitoring/prometheus/metrics")
    assert b'keras_serve_model_state{model="half_plus",version="123"} 30' in page
