"""TF Serving's model_servers/tensorflow_model_server_test.py: its cases with its own examples.

Those with models of TensorFlow 2 and of Keras are in test_models_of_keras.py; docs/serving.md names
those that ask for what this server has not.
"""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import json_format
from onnx import helper
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
)

from tests.serving.networks import half_plus
from tests.serving.tf_serving.calls import (
    both_inferred,
    classified,
    predicted,
    regressed,
    stub_at,
)
from tests.serving.tf_serving.example_models import config, write_models
from tests.serving.written_bundles import Graph, signature, tensor, write_bundle

TWO, THREE = "half_plus_two", "half_plus_three"
PATH = f"/v1/models/{TWO}"
PATIENT = ["--workers", "2", "--queue-ms", "6e5", "--timeout", "600"]
"""For a machine that has other things to do than this test."""


def test_get_model_status(model_server):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = TWO
    with stub_at(model_server, model_service_pb2_grpc.ModelServiceStub) as stub:
        (found,) = stub.GetModelStatus(request).model_version_status
    assert (found.version, found.status.error_code) == (123, 0)


def test_get_model_metadata(model_server):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = TWO
    with stub_at(model_server) as stub:
        answer = stub.GetModelMetadata(request)
    assert (answer.model_spec.name, answer.model_spec.version.value) == (TWO, 123)
    assert list(answer.metadata) == ["signature_def"]


def test_classify(model_server):
    assert classified(model_server, TWO) == 3


def test_regress(model_server):
    assert regressed(model_server, TWO) == 3


def test_multi_inference(model_server):
    assert both_inferred(model_server, TWO) == (3, 3)


def test_predict_saved_model(model_server):
    assert predicted(model_server, TWO, names_output=True) == 3
    assert predicted(model_server, TWO) == 3


def test_good_model_config(model_server):
    for names_output in (True, False):
        assert predicted(model_server, TWO, names_output=names_output) == 3
        assert predicted(model_server, THREE, names_output=names_output) == 4


def test_bad_model_config(run_command, tmp_path):
    (tmp_path / "bad.config").write_text("this is no configuration")
    done = run_command("keras-serve", "--models-config", tmp_path / "bad.config")
    assert done.returncode == 2
    assert "Error parsing text-format tensorflow.serving.ModelServerConfig" in done.stderr


@pytest.fixture
def start_configured(start_server, tmp_path):
    """A server on `half_plus_two` alone, and a function that puts another into its file."""
    file = tmp_path / "models.config"
    write_models(tmp_path)

    def write(name):
        file.with_suffix(".new").write_text(config(tmp_path, name))
        file.with_suffix(".new").rename(file)

    def start(poll):
        write(TWO)
        flags = ["--models-config-poll", poll, "--poll", "0.05", *PATIENT]
        return start_server("--models-config", file, *flags), write

    return start


def await_version(server, model, version):
    server.until(
        f"/v1/models/{model}/versions/{version}",
        lambda status, answer: (
            status == 200 and answer["model_version_status"][0]["state"] == "AVAILABLE"
        ),
    )


def test_model_config_reload(start_configured):
    server, write = start_configured("0.05")
    assert predicted(server, TWO) == 3
    write(THREE)
    await_version(server, THREE, 123)
    assert predicted(server, THREE) == 4
    server.until(PATH, lambda status, _: status == 404)
    assert server.stop() == 0


def test_model_config_reload_with_zero_poll_period(start_configured, tmp_path):
    server, write = start_configured("0")
    assert predicted(server, TWO) == 3
    write(THREE)
    made = write_bundle(tmp_path / ".made" / "124", half_plus(2))
    made.rename(tmp_path / TWO / "124")  # once that is found, the file would have been too
    await_version(server, TWO, 124)
    assert server.post(f"{PATH}:predict", {"instances": [2.0]}) == (200, {"predictions": [3.0]})
    assert server.get(f"/v1/models/{THREE}")[0] == 404
    assert server.stop() == 0


def test_classify_rest(model_server):
    asked = {"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]}
    assert model_server.post(f"{PATH}:classify", asked) == (200, {"results": [[["", 3.0]]]})


def test_regress_rest(model_server):
    asked = {"signature_name": "regress_x_to_y", "examples": [{"x": 2.0}]}
    assert model_server.post(f"{PATH}:regress", asked) == (200, {"results": [3.0]})


def test_predict_rest(model_server):
    asked = {"instances": [2.0, 3.0, 4.0]}
    assert model_server.post(f"{PATH}:predict", asked) == (200, {"predictions": [3.0, 3.5, 4.0]})


def test_predict_columnar_rest(model_server):
    asked = {"inputs": [2.0, 3.0, 4.0]}
    assert model_server.post(f"{PATH}:predict", asked) == (200, {"outputs": [3.0, 3.5, 4.0]})


def test_get_status_rest(model_server):
    ok = {"error_code": "OK", "error_message": ""}
    found = {"version": "123", "state": "AVAILABLE", "status": ok}
    assert model_server.get(PATH) == (200, {"model_version_status": [found]})


def test_get_model_metadata_rest(model_server):
    # Word for word in test_http_rest_api_handler.py; here as the two APIs say it.
    status, told = model_server.get(f"{PATH}/metadata")
    assert (status, told["model_spec"]["version"]) == (200, "123")
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = TWO
    with stub_at(model_server) as stub:
        answer = stub.GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(signatures)
    read = json_format.ParseDict(
        told["metadata"]["signature_def"], get_model_metadata_pb2.SignatureDefMap()
    )
    assert read.signature_def["serving_default"].inputs["x"].dtype == 1
    assert read == signatures


def test_prometheus_endpoint(model_server):
    status, _, page = model_server.request("GET", "/monitoring/prometheus/metrics")
    assert status == 200
    assert b"# TYPE" in page


def test_predict_uds(start_server, example_models):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own paths are too long for sockets
        path = Path(folder) / "grpc.sock"
        server = start_server(example_models, "--grpc-socket", path, *PATIENT)
        for _ in range(10):
            assert predicted(f"unix:{path}", TWO) == 3
        assert predicted(server, TWO) == 3  # the port is there as well
        assert server.stop() == 0
        assert not path.exists()


def test_tf_saved_model_save_multiple_signatures(start_server, tmp_path):
    def constant(name, number):
        return Graph(
            signature=signature(name, [tensor("x", "float32")], [tensor("y", "float32")]),
            nodes=[
                helper.make_node("Mul", ["x", "zero"], ["zeros"]),
                helper.make_node("Add", ["zeros", "number"], ["y"]),
            ],
            constants={"zero": np.float32(0), "number": np.float32(number)},
            reference=lambda x: [x * 0 + np.float32(number)],
            examples={"x": np.arange(3, dtype=np.float32)},
        )

    write_bundle(
        tmp_path / "default" / "00000123",
        [constant("serving_default", 1), constant("custom_signature_key", 2)],
    )
    server = start_server(tmp_path, *PATIENT)
    own = predicted(server, "default", signature="custom_signature_key", names_output=True)
    assert (own, predicted(server, "default", names_output=True)) == (2, 1)
    assert server.stop() == 0
