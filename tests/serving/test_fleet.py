"""Versions that come and go while a server answers, workers that die, and the end of it all."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest

from serving.wire import tensor_proto
from serving.wire.messages import serving
from tests.serving.asking import HALF, asked_all_the_time
from tests.serving.server_process import GUARD_SECONDS

PATIENT = ["--queue-ms", "6e5", "--timeout", "600", "--grace", "600"]
"""For a machine that has other things to do than this test."""


@pytest.fixture
def folder(tmp_path, write_half_plus):
    """A folder with version 1 of `half_plus`, x / 2 + 1."""
    write_half_plus(tmp_path, 1, 1)
    return tmp_path


def publish(write_half_plus, folder, version, number, *, spoil=None):
    """Publishes a version as `keras-export` does: made beside its place, then renamed."""
    made = write_half_plus(folder / ".staging", version, number)
    if spoil:
        spoil(made)
    made.rename(folder / "half_plus" / str(version))


def state(server, version):
    status, answer = server.get(f"{HALF}/versions/{version}")
    return answer["model_version_status"][0]["state"] if status == 200 else None


def await_state(server, version, wanted):
    return server.until(
        f"{HALF}/versions/{version}",
        lambda status, answer: (
            status == 200 and answer["model_version_status"][0]["state"] == wanted
        ),
    )["model_version_status"][0]


def flip_a_bit(bundle):
    file = bundle / "onnx" / "serving_default.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_new_version_takes_over_and_nobody_waits(start_server, folder, write_half_plus):
    server = start_server(folder, "--poll", "0.05", "--workers", "2")
    with asked_all_the_time(server) as failures:
        publish(write_half_plus, folder, 2, 2)
        await_state(server, 2, "AVAILABLE")
        await_state(server, 1, "END")
    assert failures == []
    assert server.post(f"{HALF}:predict", {"instances": [0.0]}) == (200, {"predictions": [2.0]})
    assert server.post(f"{HALF}/versions/1:predict", {"instances": [0.0]})[0] == 404

    publish(write_half_plus, folder, 3, 3, spoil=flip_a_bit)
    refused = await_state(server, 3, "END")
    assert refused["status"]["error_code"] == "DATA_LOSS"
    assert "serving_default.onnx has changed" in refused["status"]["error_message"]
    assert server.post(f"{HALF}:predict", {"instances": [0.0]})[1] == {"predictions": [2.0]}

    shutil.rmtree(folder / "half_plus" / "2")
    await_state(server, 2, "END")
    server.until("/v1/models/half_plus/versions/1", lambda *_: state(server, 1) == "AVAILABLE")
    assert server.stop() == 0


def test_a_worker_that_dies_is_replaced_with_all_its_models(start_server, models):
    server = start_server(models, "--workers", "1", *PATIENT)
    rows = [[1.0] * 250] * 60
    idle = server.http()
    idle.request("GET", HALF)
    assert idle.getresponse().read()
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(server.post, "/v1/models/slow:predict", {"instances": rows})
        server.until("/v1/models/slow", lambda *_: busy(server))
        os.kill(worker_of(server), signal.SIGKILL)
        status, answer = lost.result(GUARD_SECONDS)
    assert status == 503
    assert "try again" in answer["error"]
    idle.request("GET", HALF)  # nothing of it was lost, so it is now another worker's
    assert idle.getresponse().status == 200
    idle.close()
    assert server.post("/v1/models/slow:predict", {"instances": [rows[0]]})[0] == 200
    assert server.post(f"{HALF}:predict", {"instances": [0.0]}) == (200, {"predictions": [3.0]})
    _, _, page = server.request("GET", "/monitoring/prometheus/metrics")
    assert b"keras_serve_worker_restarts_total{} 1" in page
    assert server.stop() == 0


def busy(server):
    """Tells whether a large request is being answered, beside the one that asks."""
    _, _, page = server.request("GET", "/monitoring/prometheus/metrics")
    found = re.search(rb"keras_serve_requests_in_flight\{\} (\d+)", page)
    return found is not None and int(found[1]) >= 2


def worker_of(server):
    """The worker's process number: of all processes, the one that no other comes from."""
    return server.workers()[-1]


def test_what_has_begun_is_answered_after_sigterm(start_server, models):
    server = start_server(models, "--workers", "1", *PATIENT)
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(server.post, "/v1/models/slow:predict", {"instances": [[1.0] * 250] * 20})
            for _ in range(4)
        ]
        server.until("/v1/models/slow", lambda *_: busy(server))
        exit_code = server.stop()
        assert [one.result(GUARD_SECONDS)[0] for one in asked] == [200] * 4
    assert exit_code == 0


def test_calls_that_have_begun_are_answered_after_sigterm(start_server, models):
    server = start_server(models, "--workers", "1", *PATIENT)
    request = serving("PredictRequest")()
    request.model_spec.name = "slow"
    tensor_proto.to_proto(np.ones((20, 250), np.float32), request.inputs["x"])
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        asked = [call.future(request.SerializeToString()) for _ in range(4)]
        status, _ = server.post("/v1/models/slow:predict", {"instances": [[1.0] * 250]})
        assert status == 200  # by now the calls are on their way
        exit_code = server.stop()
        assert [one.code().name for one in asked] == ["OK"] * 4
    assert exit_code == 0


def test_an_empty_folder_is_served_and_a_model_that_comes_is_found(
    start_server, tmp_path, write_half_plus
):
    server = start_server(tmp_path, "--workers", "1", "--poll", "0.05")
    assert server.post(f"{HALF}:predict", {"instances": [0.0]})[0] == 404
    write_half_plus(tmp_path / ".made", 1, 1)
    (tmp_path / ".made" / "half_plus").rename(tmp_path / "half_plus")
    await_state(server, 1, "AVAILABLE")
    assert server.post(f"{HALF}:predict", {"instances": [0.0]})[1] == {"predictions": [1.0]}
    (tmp_path / "half_plus").rename(tmp_path / ".gone")
    tmp_path.rename(tmp_path.with_name("elsewhere"))  # and the whole folder goes
    assert server.get("/v2/health/live")[0] == 200
    assert server.stop() == 0


def test_few_open_files_are_few_connections_and_no_end(start_server, models):
    server = start_server(models, "--workers", "1", "--connections", "1000", open_files=(64, 64))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(150)]
        for client in clients:
            client.sendall(b"GET /v2/health/live HTTP/1.1\r\nConnection: close\r\n\r\n")
        for client in clients:  # those that were not taken at first are when others have gone
            assert client.recv(12) == b"HTTP/1.1 200"
    assert any("12 connections at a time, not 1000" in line for line in server.lines)
    assert server.stop() == 0
    assert len(server.lines) < 50


def test_a_worker_raises_the_limit_of_open_files_as_far_as_it_may(start_server, models):
    server = start_server(models, "--workers", "1", "--patience", "600", open_files=(64, 1024))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(300)]
        for client in clients:
            client.sendall(b"GET /v2/health/live HTTP/1.1\r\n\r\n")
        for client in clients:
            assert client.recv(12) == b"HTTP/1.1 200"
    assert server.stop() == 0


def test_what_a_killed_server_leaves_behind_is_removed_by_the_next(
    start_server, models, monkeypatch
):
    with tempfile.TemporaryDirectory() as temporary:  # sockets' paths are short, pytest's are not
        monkeypatch.setenv("TMPDIR", temporary)

        def there():
            return {path for path in Path(temporary).iterdir() if not path.name.startswith(".")}

        killed, other = (start_server(models, "--workers", "1") for _ in range(2))
        killed.process.kill()
        killed.wait()
        left = there()
        assert len(left) == 2
        third = start_server(models, "--workers", "1")
        assert len(there()) == 2
        assert len(left & there()) == 1  # the other's, which still runs
        assert other.stop() == third.stop() == 0
        assert there() == set()


def test_a_second_signal_ends_it_at_once(start_server, models):
    server = start_server(models, "--workers", "1", *PATIENT)
    with ThreadPoolExecutor(1) as pool:
        content = {"instances": [[1.0] * 250] * 200}
        lost = pool.submit(server.post, "/v1/models/slow:predict", content)
        server.until("/v1/models/slow", lambda *_: busy(server))
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("a second signal ends it at once")
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 1
        assert isinstance(lost.exception(GUARD_SECONDS), OSError | http.client.HTTPException)


def test_labels_and_policies_come_from_a_configuration(start_server, tmp_path, models):
    config = tmp_path / "models.config"
    config.write_text(
        f"""model_config_list {{ config {{
            name: "other" base_path: "{models / "half_plus"}" model_platform: "tensorflow"
            model_version_policy {{ all {{}} }}
            version_labels {{ key: "stable" value: 123 }} }} }}"""
    )
    server = start_server("--models-config", config, "--workers", "1", "--poll", "0")
    path = "/v1/models/other"
    assert server.post(f"{path}/labels/stable:predict", {"instances": [0.0]})[1] == {
        "predictions": [2.0]
    }
    assert server.post(f"{path}:predict", {"instances": [0.0]})[1] == {"predictions": [3.0]}
    assert server.post(f"{path}/labels/canary:predict", {"instances": [0.0]})[0] == 400
    assert server.get(f"{path}/labels/stable")[1]["model_version_status"][0]["version"] == "123"
    assert server.stop() == 0


LOCALHOST = {"0100007F", "0000000000000000FFFF00000100007F"}
"""127.0.0.1 as the system writes it for sockets of IPv4 and of IPv6."""


def test_a_server_listens_on_localhost_alone(server):
    tables = "".join(Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6"))
    for port in (server.port, server.grpc_port):
        listening = {
            line.split()[1]
            for line in tables.splitlines()
            if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
        }
        assert listening
        assert {address.split(":")[0] for address in listening} <= LOCALHOST


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give a folder of models"),
        (["nowhere"], "there is no folder nowhere"),
        (["--models-config", "nowhere"], "there is no file nowhere"),
        ([".", "--model-version-policy", "newest"], "is no version policy"),
        ([".", "--workers", "0"], "must be between 1 and 256"),
        ([".", "--host", "203.0.113.1"], "cannot listen on 203.0.113.1:"),
    ],
)
def test_bad_flags_are_one_message_and_code_2(run_command, tmp_path, arguments, says):
    done = run_command("keras-serve", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
