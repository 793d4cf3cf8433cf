"""TF Serving's gRPC API against a real server, asked by TF Serving's own client."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tests.serving.frame_client import Client, call, half_plus, message
from tests.serving.server_process import wait_until

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models_(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def filled(request, name="half_plus", signature="", version=None, label=None):
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    return request


def predict_request(inputs, output_filter=(), **spec):
    request = filled(predict_pb2.PredictRequest(output_filter=output_filter), **spec)
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def examples(request, values, context=None):
    kind = request.input.example_list
    if context is not None:
        kind = request.input.example_list_with_context
        kind.context.features.feature["x"].float_list.value.append(context)
    for value in values:
        example = kind.examples.add()
        if value is not None:
            example.features.feature["x"].float_list.value.append(value)
    return request


X = np.array([1, 2, 5], np.float32)


def test_predict_answers_with_the_version_that_answered(prediction):
    response = prediction.Predict(predict_request({"x": X}))
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["y"]), [3.5, 4, 5.5])
    assert list(response.outputs["y"].float_val) == [3.5, 4, 5.5]
    assert response.model_spec.version.value == 124
    assert response.model_spec.signature_name == "serving_default"
    response = prediction.Predict(predict_request({"x": X}, version=123))
    assert list(response.outputs["y"].float_val) == [2.5, 3, 4.5]


def test_several_inputs_and_outputs_and_a_filter(prediction):
    inputs = {"a": np.ones((2, 2), np.float32), "b": np.array([1, 9], np.int32)}
    response = prediction.Predict(predict_request(inputs, name="sums"))
    assert list(response.outputs["next"].int_val) == [2, 10]
    assert tf.make_ndarray(response.outputs["is_large"]).tolist() == [False, True]
    response = prediction.Predict(predict_request(inputs, ["next"], name="sums"))
    assert list(response.outputs) == ["next"]


def test_no_rows_give_no_rows(prediction):
    response = prediction.Predict(predict_request({"x": X[:0]}))
    assert tf.make_ndarray(response.outputs["y"]).shape == (0,)


def code_of(call, request, **options):
    with pytest.raises(grpc.RpcError) as refused:
        call(request, **options)
    return refused.value.code().name, refused.value.details()


@pytest.mark.parametrize(
    ("request_", "code", "says"),
    [
        (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (predict_request({}, name=""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (predict_request({"x": X}, name="z"), "NOT_FOUND", "Latest(z)"),
        (predict_request({"x": X}, version=5), "NOT_FOUND", "Specific(half_plus, 5)"),
        (predict_request({"x": X}, label="z"), "INVALID_ARGUMENT", "version label: z"),
        (predict_request({"x": X}, signature="z"), "FAILED_PRECONDITION",
         'Serving signature key "z" not found.'),
        (predict_request({}), "INVALID_ARGUMENT", "0!=1 len({}) != len({x}). Sent extra: {}. "
         "Missing but required: {x}."),
        (predict_request({"x": X, "z": X}), "INVALID_ARGUMENT", "Sent extra: {z}."),
        (predict_request({"x": X.astype("int32")}), "INVALID_ARGUMENT", "x is float32 [batch]"),
        (predict_request({"x": X[None]}), "INVALID_ARGUMENT", "got shape [1, 3]"),
        (predict_request({"x": X}, ["z"]), "INVALID_ARGUMENT", "alias not found in signature: z"),
        (predict_request({"x": X}, ["y", "y"]), "INVALID_ARGUMENT", "duplicate output tensor"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_says_why(prediction, request_, code, says):
    found, details = code_of(prediction.Predict, request_)
    assert found == code
    assert says in details


def test_classify_and_regress_and_both_at_once(prediction):
    request = filled(regression_pb2.RegressionRequest(), signature="regress_x_to_y")
    response = prediction.Regress(examples(request, [3, 80]))
    assert [one.value for one in response.result.regressions] == [4.5, 43]
    assert response.model_spec.version.value == 124
    request = filled(regression_pb2.RegressionRequest(), signature="regress_x_to_y")
    response = prediction.Regress(examples(request, [None, 80], context=3))
    assert [one.value for one in response.result.regressions] == [4.5, 43]

    picture = tf.io.encode_png(np.array([[[0], [200]], [[50], [0]]], np.uint8)).numpy()
    request = filled(classification_pb2.ClassificationRequest(), "pixels", "classify")
    example = request.input.example_list.examples.add()
    example.features.feature["image_bytes"].bytes_list.value.append(picture)
    (found,) = prediction.Classify(request).result.classifications
    assert [one.label for one in found.classes] == ["north", "east", "south", "west"]
    assert max(found.classes, key=lambda one: one.score).label == "east"

    request = inference_pb2.MultiInferenceRequest()
    filled(request.tasks.add(method_name=REGRESS), signature="regress_x_to_y")
    (result,) = prediction.MultiInference(examples(request, [3])).results
    assert result.regression_result.regressions[0].value == 4.5
    assert result.model_spec.version.value == 124


def task(method=REGRESS, **spec):
    request = inference_pb2.MultiInferenceRequest()
    for _ in range(spec.pop("times", 1)):
        filled(request.tasks.add(method_name=method), **spec)
    return examples(request, [1])


def test_what_cannot_be_examined_says_why(prediction):
    request = examples(filled(regression_pb2.RegressionRequest()), [1])
    assert "No regression inputs" in code_of(prediction.Regress, request)[1]
    request = filled(regression_pb2.RegressionRequest(), signature="regress_x_to_y")
    assert code_of(prediction.Regress, request) == ("INVALID_ARGUMENT", "Input is empty.")
    for request, says in (
        (task(name=""), "Found ModelSpec with an empty model name."),
        (task(signature="z"), "Requested signature not found in model graph: z"),
        (task(signature="regress_x_to_y", times=2), "Duplicate evaluation of signature"),
        (task(CLASSIFY, signature="regress_x_to_y"), "contain at least one of"),
        (task("predict", signature="regress_x_to_y"), "Unsupported signature method_name: predict"),
    ):
        assert says in code_of(prediction.MultiInference, request)[1]


def test_metadata_is_every_signature(prediction):
    request = filled(get_model_metadata_pb2.GetModelMetadataRequest(), version=123)
    assert code_of(prediction.GetModelMetadata, request)[0] == "INVALID_ARGUMENT"
    request.metadata_field.append("signature_def")
    response = prediction.GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {"serving_default", "regress_x_to_y", "classify_x_to_y"}
    assert signatures.signature_def["serving_default"].inputs["x"].dtype == 1
    assert response.model_spec.version.value == 123
    request.metadata_field[0] = "other"
    assert "other is not supported" in code_of(prediction.GetModelMetadata, request)[1]


def test_states_are_told(models_):
    request = filled(get_model_status_pb2.GetModelStatusRequest())
    response = models_.GetModelStatus(request)
    assert [one.version for one in response.model_version_status] == [124, 123]
    assert all(one.state == 30 for one in response.model_version_status)
    assert code_of(models_.GetModelStatus, filled(request, name="z"))[0] == "NOT_FOUND"


def test_a_deadline_is_kept_and_a_message_has_a_largest_size(prediction, server):
    rows = np.ones((20, 250), np.float32)
    request = predict_request({"x": rows}, name="slow")
    assert code_of(prediction.Predict, request, timeout=0.001)[0] == "DEADLINE_EXCEEDED"
    with grpc.insecure_channel(
        f"127.0.0.1:{server.grpc_port}", [("grpc.max_send_message_length", -1)]
    ) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        huge = predict_request({"x": np.zeros(2**24 + 1, np.float32)})
        assert code_of(stub.Predict, huge)[0] == "RESOURCE_EXHAUSTED"


def test_bytes_that_are_no_message_are_refused(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    assert code_of(call, b"\xff\xff") == (
        "INVALID_ARGUMENT",
        "the request is no tensorflow.serving.PredictRequest",
    )
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Nothing")
    assert code_of(call, b"")[0] == "UNIMPLEMENTED"


def test_health_and_reflection_are_the_standard_ones(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", "tensorflow.serving.PredictionService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert next(health.Watch(health_pb2.HealthCheckRequest())).status == 1
    assert code_of(health.Check, health_pb2.HealthCheckRequest(service="z"))[0] == "NOT_FOUND"
    database = ProtoReflectionDescriptorDatabase(channel)
    assert "tensorflow.serving.ModelService" in database.get_services()
    file = database.FindFileContainingSymbol("tensorflow.serving.PredictRequest")
    assert "PredictRequest" in [one.name for one in file.message_type]


def test_a_worker_that_takes_anothers_place_is_not_called_before_it_has_the_models(
    start_server, models
):
    server = start_server(models, "--workers", "1", "--queue-ms", "6e5")
    os.kill(server.workers()[-1], signal.SIGKILL)
    told = set()

    def is_answered():
        try:
            with Client(server) as client:
                client.send(call(message(half_plus())))
                told.add(client.answer()[1][b"grpc-status"])
        except (OSError, TypeError):  # there is nobody, or the connection has ended
            return False
        return b"0" in told

    wait_until(is_answered)
    assert told == {b"0"}
    assert server.stop() == 0


def test_a_model_that_is_no_more_is_forgotten_after_its_last_answer(start_server, models):
    """Nobody looks at the folders meanwhile, and the new configuration is long in force by then."""
    server = start_server(models, "--workers", "2", "--poll", "0", "--queue-ms", "6e5")
    text = f"""config {{ model_config_list {{ config {{
        name: "half_plus" base_path: "{models / "half_plus"}"
        model_platform: "tensorflow" }} }} }}"""
    request = text_format.Parse(text, model_management_pb2.ReloadConfigRequest())
    with (
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        rows = {"instances": [[1.0] * 250] * 300}
        begun = pool.submit(server.post, "/v1/models/slow:predict", rows)
        server.until("/v1/models/slow", lambda *_: in_flight(server) == 2)  # and the one that asks
        assert stub.HandleReloadConfigRequest(request).status.error_code == 0
        assert not begun.done()
        assert begun.result()[0] == 200
        server.until("/v1/models/slow", lambda status, _: status == 404)
    assert server.stop() == 0


def in_flight(server):
    _, _, page = server.request("GET", "/monitoring/prometheus/metrics")
    (line,) = [x for x in page.splitlines() if x.startswith(b"keras_serve_requests_in_flight{}")]
    return int(line.split()[-1])


def test_a_configuration_is_replaced_and_labels_move(start_server, models):
    server = start_server(models, "--workers", "2", "--poll", "0", "--queue-ms", "6e5")
    text = f"""config {{ model_config_list {{ config {{
        name: "other" base_path: "{models / "half_plus"}" model_platform: "tensorflow"
        model_version_policy {{ all {{}} }}
        version_labels {{ key: "stable" value: 123 }} }} }} }}"""
    request = text_format.Parse(text, model_management_pb2.ReloadConfigRequest())
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        assert stub.HandleReloadConfigRequest(request).status.error_code == 0
        answer = server.post("/v1/models/other/labels/stable:predict", {"instances": [0.0]})
        assert answer == (200, {"predictions": [2.0]})
        server.until("/v1/models/sums", lambda status, _: status == 404)
        request.config.model_config_list.config[0].version_labels["stable"] = 7
        status = stub.HandleReloadConfigRequest(request).status
        assert status.error_code == 9
        assert "version 7 of model other, which is not currently available" in status.error_message
        request.config.model_config_list.config[0].base_path = "relative"
        assert stub.HandleReloadConfigRequest(request).status.error_code == 3
    assert server.stop() == 0
