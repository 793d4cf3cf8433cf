"""Labels that move between versions while both are asked for."""

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from tests.serving.asking import HALF, asked_all_the_time


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


def test_a_label_moves_at_once_and_no_request_is_lost(server, tmp_path):
    with (
        asked_all_the_time(server, "stable") as failures,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
    ):
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        for version in (2, 1) * 20:
            request = model_management_pb2.ReloadConfigRequest()
            text_format.Parse(configuration(tmp_path, version), request.config)
            assert stub.HandleReloadConfigRequest(request).status.error_code == 0
            for _ in range(6):  # on connections of their own: each worker has two
                answer = server.post(f"{HALF}/labels/stable:predict", {"instances": [0.0]})
                assert answer == (200, {"predictions": [float(version)]})
    assert failures == []
