"""Thousands of damaged gRPC messages: each is refused as the client's fault, or answered."""

import grpc
import numpy as np
import pytest

from serving.wire import tensor_proto
from serving.wire.messages import message, serving
from tests.serving.damage import damaged_message

CLIENTS_FAULT = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"}
CLIENTS_FAULT |= {"RESOURCE_EXHAUSTED", "OUT_OF_RANGE"}


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield channel


def predict():
    request = serving("PredictRequest")(output_filter=["next"])
    request.model_spec.name = "sums"
    tensor_proto.to_proto(np.ones((2, 2), np.float32), request.inputs["a"])
    b = request.inputs["b"]
    b.dtype, b.tensor_content = 3, np.array([1, 5], np.int32).tobytes()
    b.tensor_shape.dim.add(size=2)
    return request


def infer():
    request = message("inference.ModelInferRequest")(model_name="half_plus", model_version="123")
    request.inputs.add(name="x", datatype="FP32", shape=[3])
    request.raw_input_contents.append(np.ones(3, np.float32).tobytes())
    return request


def regress():
    request = serving("RegressionRequest")()
    request.model_spec.name, request.model_spec.signature_name = "half_plus", "regress_x_to_y"
    example = request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(1.5)
    return request


def generate():
    request = message("keras_serve.GenerateRequest")(prompt="a", length=3, session_id="b")
    request.model_spec.name = "sums"
    return request


SERVICE = "/tensorflow.serving.PredictionService"
CALLS = {
    f"{SERVICE}/Predict": predict,
    f"{SERVICE}/Regress": regress,
    f"{SERVICE}/GetModelMetadata": regress,
    "/tensorflow.serving.ModelService/GetModelStatus": regress,
    "/inference.GRPCInferenceService/ModelInfer": infer,
    "/keras_serve.TextService/Generate": generate,
    "/keras_serve.TextService/Nothing": generate,
}


@pytest.mark.parametrize("path", CALLS)
def test_damaged_messages_are_the_clients_fault(channel, path):
    call = channel.unary_unary(path)
    random = np.random.default_rng(len(path))
    content = CALLS[path]().SerializeToString()
    for _ in range(720):
        sent = damaged_message(content, random)
        try:
            call(sent)
        except grpc.RpcError as error:
            details = error.details()
            found = error.code().name
            assert found in CLIENTS_FAULT, (sent, found, details)
            assert "Traceback" not in details


@pytest.mark.parametrize("dtype", range(24))
def test_tensors_whose_parts_do_not_fit_are_refused(channel, dtype):
    call = channel.unary_unary(f"{SERVICE}/Predict")
    for size in (-1, 0, 1, 3, 2**40, 2**62):
        for content in (b"", b"\xff" * 7, b"\x01" * 8):
            request = predict()
            tensor = request.inputs["b"]
            tensor.dtype, tensor.tensor_content = dtype, content
            tensor.tensor_shape.dim[0].size = size
            with pytest.raises(grpc.RpcError) as refused:
                call(request.SerializeToString())
            assert refused.value.code().name in CLIENTS_FAULT


def test_a_message_within_a_message_a_hundred_deep_is_refused(channel):
    deep = b""
    for _ in range(200):  # an unknown group would do as well: the parser's own limit is 100
        deep = b"\x0b" + deep + b"\x0c"
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(f"{SERVICE}/Predict")(deep)
    assert refused.value.code().name == "INVALID_ARGUMENT"
