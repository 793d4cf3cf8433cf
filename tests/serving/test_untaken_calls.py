"""gRPC clients that call and take no answer: what they cost, and that others do not notice."""

import shutil

import grpc
import numpy as np

from serving.http2 import outgoing
from serving.wire import tensor_proto
from serving.wire.messages import message, serving
from tests.serving.server_process import GUARD_SECONDS, wait_until

PREDICT = "/tensorflow.serving.PredictionService/Predict"
MANY = 2_000_000
"""Pictures, of which an answer is some sixteen megabytes."""
OWN = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
]
"""A connection for each channel."""
LITTLE_AHEAD = [*OWN, ("grpc.http2.bdp_probe", 0)]
"""And no more than 64 KiB of it are taken ahead of what its client asks for."""


def pictures(count):
    """Asks for pictures of four pixels: eight bytes each in an answer."""
    request = serving("PredictRequest")()
    request.model_spec.name, request.model_spec.signature_name = "pixels", "sample"
    tensor_proto.to_proto(np.int64(200), request.inputs["seed"])
    tensor_proto.to_proto(np.int32(count), request.inputs["count"])
    return request.SerializeToString()


def answered(server):
    """How many calls for pictures the server has computed."""
    _, _, page = server.request("GET", "/monitoring/prometheus/metrics")
    counts = [
        int(line.split()[-1])
        for line in page.decode().splitlines()
        if line.startswith("keras_serve_requests_total") and 'signature="sample"' in line
    ]
    return sum(counts)


def in_flight(channel, path, content):
    """Calls as one does who expects a stream, of which the client then takes nothing."""
    return channel.unary_stream(path)(content)


def call_half_plus(channel):
    request = serving("PredictRequest")()
    request.model_spec.name = "half_plus"
    tensor_proto.to_proto(np.zeros(1, np.float32), request.inputs["x"])
    content = channel.unary_unary(PREDICT)(request.SerializeToString(), timeout=GUARD_SECONDS)
    return list(serving("PredictResponse").FromString(content).outputs["y"].float_val)


def test_a_client_that_takes_no_answer_is_ended_and_others_are_answered(start_server, models):
    flags = ["--workers", "1", "--queue-ms", "6e5", "--patience", "3", "--slowest-kib", "1e6"]
    server = start_server(models, *flags)
    target = f"127.0.0.1:{server.grpc_port}"
    with (
        grpc.insecure_channel(target, LITTLE_AHEAD) as deaf,
        grpc.insecure_channel(target, OWN) as other,
    ):
        calls = [in_flight(deaf, PREDICT, pictures(100_000)) for _ in range(3)]
        while any(call.is_active() for call in calls):
            assert call_half_plus(other) == [3.0]
        assert {call.code() for call in calls} == {grpc.StatusCode.UNAVAILABLE}
    assert server.stop() == 0
    assert "Traceback" not in "".join(server.lines)


def test_a_long_answer_of_which_nothing_is_taken_is_not_kept_for_its_length(start_server, models):
    """Which at sixteen kilobytes a second would be a quarter of an hour."""
    server = start_server(models, "--workers", "1", "--queue-ms", "6e5", "--patience", "0.5")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", LITTLE_AHEAD) as deaf:
        call = in_flight(deaf, PREDICT, pictures(MANY))
        wait_until(lambda: answered(server) == 1)
        wait_until(lambda: not call.is_active())
        assert call.code() == grpc.StatusCode.UNAVAILABLE
    assert server.stop() == 0


def test_untaken_answers_of_one_client_are_few_however_much_it_asks(start_server, models):
    flags = ["--workers", "1", "--queue-ms", "6e5", "--patience", "600"]
    server = start_server(models, *flags)
    target = f"127.0.0.1:{server.grpc_port}"
    fewest = outgoing.MOST_BYTES // (8 * MANY)
    most = outgoing.MOST_BYTES // outgoing.FIRST_GUESS_BYTES
    with (
        grpc.insecure_channel(target, LITTLE_AHEAD) as deaf,
        grpc.insecure_channel(target, OWN) as other,
    ):
        calls = [in_flight(deaf, PREDICT, pictures(MANY)) for _ in range(2 * most)]
        wait_until(lambda: answered(server) >= fewest)
        for _ in range(300):
            assert call_half_plus(other) == [3.0]
        assert answered(server) <= most
        assert all(call.is_active() for call in calls)
    assert server.stop() == 0


def test_a_text_that_nobody_takes_is_not_made(start_server, text_bundle, tmp_path):
    shutil.copytree(text_bundle, tmp_path / "python" / "1")
    server = start_server(tmp_path, "--workers", "1", "--patience", "0.5")
    request = message("keras_serve.GenerateRequest")(length=10**6, session_id="deaf")
    request.model_spec.name = "python"
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", LITTLE_AHEAD) as deaf:
        call = in_flight(deaf, "/keras_serve.TextService/Generate", request.SerializeToString())
        assert next(call)
        wait_until(lambda: not call.is_active())
        assert call.code() == grpc.StatusCode.UNAVAILABLE
    assert server.stop() == 0
