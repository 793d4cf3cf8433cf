"""Labels that move between versions while both are asked for."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.server_process import GUARD_SECONDS

STABLE = "/v1/models/half_plus/labels/stable"


def configuration(models, version):
    """Both versions, of which one is called `stable`."""
    return f"""model_config_list {{ config {{
        name: "half_plus" base_path: "{models / "half_plus"}" model_platform: "tensorflow"
        model_version_policy {{ all {{}} }}
        version_labels {{ key: "stable" value: {version} }} }} }}"""


@pytest.fixture
def server(start_server, tmp_path, write_half_plus):
    """Three workers; version 1 of two is stable."""
    for number in (1, 2):
        write_half_plus(tmp_path, number, number)
    file = tmp_path / "models.config"
    file.write_text(configuration(tmp_path, 1))
    return start_server(
        "--models-config", file, "--workers", "3", "--queue-ms", "6e5", "--timeout", "600"
    )


@contextlib.contextmanager
def asked_all_the_time(server):
    """Asks the stable version over both protocols; yields what was no answer of one of the two."""
    failures, ended = [], threading.Event()

    def post():
        while not ended.is_set():
            status, answer = server.post(f"{STABLE}:predict", {"instances": [0.0]})
            if status != 200 or answer["predictions"] not in ([1.0], [2.0]):
                failures.append((status, answer))

    def call():
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.version_label = "half_plus", "stable"
        request.inputs["x"].dtype = 1
        request.inputs["x"].tensor_shape.dim.add(size=1)
        request.inputs["x"].float_val.append(0.0)
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            while not ended.is_set():
                answer = stub.Predict(request)
                if list(answer.outputs["y"].float_val) != [answer.model_spec.version.value]:
                    failures.append(answer)

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(one) for one in (post, call)]
        yield failures
        ended.set()
        for one in asking:
            one.result(GUARD_SECONDS)


def test_a_label_moves_at_once_and_no_request_is_lost(server, tmp_path):
    with (
        asked_all_the_time(server) as failures,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
    ):
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        for version in (2, 1) * 20:
            request = model_management_pb2.ReloadConfigRequest()
            text_format.Parse(configuration(tmp_path, version), request.config)
            assert stub.HandleReloadConfigRequest(request).status.error_code == 0
            for _ in range(6):  # on connections of their own: each worker has two
                answer = server.post(f"{STABLE}:predict", {"instances": [0.0]})
                assert answer == (200, {"predictions": [float(version)]})
    assert failures == []
