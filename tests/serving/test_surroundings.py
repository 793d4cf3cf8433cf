"""What a server finds around it: a folder of models that is read-only, a clock that is set back."""

import contextlib
import json
import os
import signal
import subprocess
import time
from email.utils import parsedate_to_datetime

import grpc
import numpy as np
import pytest

from serving.wire import tensor_proto
from serving.wire.messages import serving
from tests.serving.server_process import GUARD_SECONDS, wait_until

PATH = "/v1/models/half_plus"
DAY = 24 * 3600
PATIENT = ["--workers", "2", "--queue-ms", "6e5", "--timeout", "600", "--poll", "0.05"]
"""For a machine that has other things to do than this test."""


def version(number):
    """What the status of a version says of it, for `Server.until`: it is available."""
    return (
        f"{PATH}/versions/{number}",
        lambda status, answer: (
            status == 200 and answer["model_version_status"][0]["state"] == "AVAILABLE"
        ),
    )


def value(server):
    """The answer to x = 0, which is the number of the version."""
    status, answer = server.post(f"{PATH}:predict", {"instances": [0.0]})
    assert status == 200, answer
    return answer["predictions"][0]


def content_of(folder):
    """Every file with its bytes."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_only(folder):
    """Makes a folder one that a server cannot write to.

    Returns:
        the command that the server is to be started by.
    """
    if os.getuid():
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode & ~0o222)
        return []
    # Root may write anywhere, except where nothing can be written: in a mount of its own.
    bind = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    within = ["unshare", "--mount", "--propagation", "private", "sh", "-c", bind, folder]
    if subprocess.run([*within, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets not even root mount a folder")
    return within


def publish(folder, write_half_plus, number):
    """Publishes a version, as another process may that can write there."""
    made = write_half_plus(folder.parent.parent / "made", number, number)
    folder.chmod(0o755)  # for whoever is not root
    made.rename(folder / str(number))
    folder.chmod(0o555)


def test_a_folder_that_cannot_be_written_to_is_served_as_any_other(
    start_server, tmp_path, write_half_plus
):
    models = tmp_path / "models"
    write_half_plus(models, 1, 1)
    within = read_only(models)
    denied = subprocess.run([*within, "touch", models / "half_plus" / "x"], check=False)
    assert denied.returncode != 0
    server = start_server(models, *PATIENT, within=within)
    before = content_of(models)
    assert value(server) == 1
    publish(models / "half_plus", write_half_plus, 2)
    server.until(*version(2))
    assert value(server) == 2
    assert server.stop() == 0
    left = content_of(models)
    assert {path: left[path] for path in before} == before
    assert {path.relative_to(models).parts[1] for path in left} == {"1", "2"}


CLOCK = """
import os, time

now, now_ns = time.time, time.time_ns

def ahead():
    with open({file!r}) as file:
        return float(file.read())

time.time = lambda: now() + ahead()
time.time_ns = lambda: now_ns() + int(ahead() * 1e9)
"""


@pytest.fixture
def clock(tmp_path):
    """A folder of modules that give a process another clock, and a function that sets it."""
    file, folder = tmp_path / "ahead", tmp_path / "modules"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CLOCK.format(file=str(file)))

    def set_clock(seconds):
        file.with_suffix(".new").write_text(str(seconds))
        file.with_suffix(".new").rename(file)

    set_clock(0)
    return folder, set_clock


def seconds_ahead(server):
    """By how much the clock of a worker is ahead of ours, as its answers say."""
    _, headers, _ = server.request("GET", PATH)
    return parsedate_to_datetime(headers["Date"]).timestamp() - time.time()


def ask_over_grpc(channel):
    """Asks for x = 0 with a deadline, and returns the answer."""
    request = serving("PredictRequest")()
    request.model_spec.name = "half_plus"
    tensor_proto.to_proto(np.zeros(1, np.float32), request.inputs["x"])
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    content = call(request.SerializeToString(), timeout=GUARD_SECONDS)
    return list(serving("PredictResponse").FromString(content).outputs["y"].float_val)


def test_a_clock_that_is_set_back_stops_no_request_and_no_version(
    start_server, tmp_path, write_half_plus, clock
):
    modules, set_clock = clock
    models = tmp_path / "models"
    write_half_plus(models, 1, 1)
    server = start_server(models, *PATIENT, modules=modules)
    address = f"127.0.0.1:{server.grpc_port}"
    with grpc.insecure_channel(address) as channel, contextlib.closing(server.http()) as kept:
        for number, days in enumerate((0, -1, -400, 1), 2):
            set_clock(days * DAY)
            publish_of_tomorrow(models / "half_plus", write_half_plus, number)
            server.until(*version(number))
            assert value(server) == number
            assert ask_over_grpc(channel) == [number]
            kept.request("GET", f"{PATH}/versions/{number}")
            with kept.getresponse() as answer:
                assert answer.status == 200
                answer.read()
            assert abs(seconds_ahead(server) - days * DAY) < DAY / 2  # it is another clock indeed
    assert server.stop() == 0


def publish_of_tomorrow(folder, write_half_plus, number):
    """Publishes a version whose files are of a time that a clock set back has still to come to."""
    made = write_half_plus(folder.parent.parent / "made", number, number)
    for path in (made, *made.rglob("*")):
        os.utime(path, (time.time() + DAY, time.time() + DAY))
    made.rename(folder / str(number))


def test_after_the_clock_is_set_back_workers_and_servers_begin_as_ever(
    start_server, models, tmp_path, clock
):
    modules, set_clock = clock
    log = tmp_path / "access.log"
    flags = [*PATIENT, "--access-log", log]
    server = start_server(models, *flags, modules=modules)
    set_clock(-DAY)
    os.kill(server.workers()[-1], signal.SIGKILL)
    wait_until(lambda: restarts(server) == 1)
    assert value(server) == 3
    server.process.kill()
    server.wait()  # what it leaves behind is of tomorrow, for the next
    again = start_server(models, *flags, modules=modules)
    assert value(again) == 3
    assert again.stop() == 0
    assert not any("replaced" in line for line in again.lines)
    asked = [json.loads(line)["time"] for line in log.read_text().splitlines()]
    assert all(abs(moment - (time.time() - DAY)) < DAY / 2 for moment in asked)


def restarts(server):
    _, _, page = server.request("GET", "/monitoring/prometheus/metrics")
    (line,) = [one for one in page.splitlines() if one.startswith(b"keras_serve_worker_restarts")]
    return int(line.split()[-1])
