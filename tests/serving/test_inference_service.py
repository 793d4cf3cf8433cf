"""The Open Inference Protocol v2 over gRPC, on a real server."""

import io
import struct

import grpc
import numpy as np
import pytest
from PIL import Image

from serving.wire.messages import message

SERVICE = "inference.GRPCInferenceService"


@pytest.fixture(scope="module")
def ask(server):
    """From a method and the fields of its request to the response."""
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:

        def ask(method, request=None, **fields):
            request = request or message(f"inference.{method}Request")(**fields)
            read = message(f"inference.{method}Response").FromString
            call = channel.unary_unary(f"/{SERVICE}/{method}", response_deserializer=read)
            return call(request.SerializeToString())

        yield ask


def infer_request(name, inputs, *, outputs=(), raw=(), **fields):
    request = message("inference.ModelInferRequest")(model_name=name, **fields)
    for one, (datatype, shape, contents) in inputs.items():
        tensor = request.inputs.add(name=one, datatype=datatype, shape=shape)
        for field, values in contents.items():
            getattr(tensor.contents, field).extend(values)
    for one in outputs:
        request.outputs.add(name=one)
    request.raw_input_contents.extend(raw)
    return request


X = {"x": ("FP32", [3], {"fp32_contents": [1, 2.5, -4]})}


def test_server_and_models_tell_what_they_are(ask):
    assert ask("ServerLive").live
    assert ask("ServerReady").ready
    assert ask("ServerMetadata").name == "keras-models"
    assert ask("ModelReady", name="half_plus", version="123").ready
    assert not ask("ModelReady", name="half_plus", version="9").ready
    assert not ask("ModelReady", name="nobody").ready
    answer = ask("ModelMetadata", name="half_plus")
    assert list(answer.versions) == ["124", "123"]
    answer = ask("ModelMetadata", name="sums")
    assert [(one.name, one.datatype, list(one.shape)) for one in answer.inputs] == [
        ("a", "FP32", [-1, 2]),
        ("b", "INT32", [-1]),
    ]
    assert [one.datatype for one in answer.outputs] == ["FP32", "INT32", "BOOL"]


def test_inference_answers_in_the_form_in_which_it_was_asked(ask):
    answer = ask("ModelInfer", infer_request("half_plus", X, id="42"))
    assert (answer.model_name, answer.model_version, answer.id) == ("half_plus", "124", "42")
    (output,) = answer.outputs
    assert (output.name, output.datatype, list(output.shape)) == ("y", "FP32", [3])
    assert list(output.contents.fp32_contents) == [3.5, 4.25, 1.0]

    raw = infer_request(
        "half_plus",
        {"x": ("FP32", [3], {})},
        model_version="123",
        raw=[np.array([1, 2.5, -4], "<f4").tobytes()],
    )
    answer = ask("ModelInfer", raw)
    assert not answer.outputs[0].HasField("contents")
    np.testing.assert_array_equal(
        np.frombuffer(answer.raw_output_contents[0], "<f4"), [2.5, 3.25, 0]
    )


def test_outputs_may_be_chosen_and_have_types_of_their_own(ask):
    inputs = {
        "a": ("FP32", [2, 2], {"fp32_contents": [1, 2, 3, 4]}),
        "b": ("INT32", [2], {"int_contents": [0, 5]}),
    }
    answer = ask("ModelInfer", infer_request("sums", inputs, outputs=["is_large", "next"]))
    assert [one.name for one in answer.outputs] == ["is_large", "next"]
    assert list(answer.outputs[0].contents.bool_contents) == [False, True]
    assert list(answer.outputs[1].contents.int_contents) == [1, 6]


def test_bytes_go_in_and_come_out_in_both_forms(ask):
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 200], [50, 0]], np.uint8)).save(stream, "PNG")
    picture = stream.getvalue()
    typed = infer_request("pixels", {"image_bytes": ("BYTES", [1], {"bytes_contents": [picture]})})
    raw = infer_request(
        "pixels",
        {"image_bytes": ("BYTES", [1], {})},
        raw=[struct.pack("<I", len(picture)) + picture],
    )
    for request in (typed, raw):
        request.parameters["signature_name"].string_param = "classify_image_bytes"
    answer = ask("ModelInfer", typed)
    assert list(answer.outputs[0].contents.bytes_contents) == [b"east"]
    answer = ask("ModelInfer", raw)
    assert answer.raw_output_contents[0] == b"\x04\0\0\0east"


@pytest.mark.parametrize(
    ("request_", "code", "says"),
    [
        (infer_request("nobody", X), "NOT_FOUND", "Latest(nobody)"),
        (infer_request("half_plus", X, model_version="9"), "NOT_FOUND", "Specific(half_plus, 9)"),
        (infer_request("half_plus", X, model_version="x"), "INVALID_ARGUMENT", "'x' is no number"),
        (infer_request("half_plus", X, outputs=["z"]), "INVALID_ARGUMENT", "no output 'z'"),
        (infer_request("half_plus", {"": X["x"]}), "INVALID_ARGUMENT", "no name of its own"),
        (infer_request("half_plus", {"x": ("FP99", [3], {})}), "INVALID_ARGUMENT", "'FP99'"),
        (infer_request("half_plus", {"x": ("FP32", [2], X["x"][2])}), "INVALID_ARGUMENT",
         "has 3 values for shape [2]"),
        (infer_request("half_plus", {"x": ("FP32", [-1], {})}), "INVALID_ARGUMENT", "no shape"),
        (infer_request("half_plus", {"x": ("FP16", [1], {})}), "INVALID_ARGUMENT",
         "send it as raw contents"),
        (infer_request("half_plus", {"x": ("INT8", [1], {"int_contents": [300]})}),
         "INVALID_ARGUMENT", "does not fit into INT8"),
        (infer_request("half_plus", {"x": ("FP32", [1], {})}, raw=[b"abc"]), "INVALID_ARGUMENT",
         "no whole number of FP32"),
        (infer_request("half_plus", {"x": ("BYTES", [1], {})}, raw=[b"\x09\0\0\0a"]),
         "INVALID_ARGUMENT", "end within a string"),
        (infer_request("half_plus", {"x": ("BYTES", [1], {})}, raw=[b"\x09\0"]),
         "INVALID_ARGUMENT", "within the length of a string"),
        (infer_request("half_plus", X, raw=[b"", b""]), "INVALID_ARGUMENT", "2 raw contents"),
        (infer_request("half_plus", {"z": X["x"]}), "INVALID_ARGUMENT", "takes x; got z"),
    ],
)  # fmt: skip
def test_what_cannot_be_inferred_says_why(ask, request_, code, says):
    with pytest.raises(grpc.RpcError) as refused:
        ask("ModelInfer", request_)
    assert refused.value.code().name == code
    assert says in refused.value.details()


def test_another_signature_must_be_there(ask):
    request = infer_request("half_plus", X)
    request.parameters["signature_name"].string_param = "nothing"
    with pytest.raises(grpc.RpcError, match="has no signature 'nothing'"):
        ask("ModelInfer", request)
