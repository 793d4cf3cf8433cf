"""What others see of a server from SIGTERM on: it is not ready, takes nobody new, and ends."""

import contextlib
import http.client
import queue
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.serving.server_process import GUARD_SECONDS, wait_until

PATIENT = ["--workers", "1", "--queue-ms", "6e5", "--timeout", "600", "--grace", "600"]


@pytest.fixture
def server(start_server, models):
    return start_server(models, *PATIENT)


def test_who_watches_its_health_is_told_and_does_not_hold_it_up(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        server.process.send_signal(signal.SIGTERM)
        assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError) as ended:
            next(watched)
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        assert server.wait() == 0


def test_who_has_asked_what_services_there_are_is_told_and_does_not_hold_it_up(server):
    """Such as a console, which keeps its stream open for what its user may ask next."""
    asked, questions = reflection_pb2.ServerReflectionRequest(list_services=""), queue.Queue()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = stub.ServerReflectionInfo(iter(questions.get, None))
        questions.put(asked)
        assert next(answers).list_services_response.service
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as ended:
            next(answers)
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        assert server.wait() == 0
        questions.put(None)


def test_it_is_not_ready_and_takes_nobody_new_while_it_answers_what_has_begun(server):
    with ThreadPoolExecutor(1) as pool, contextlib.closing(server.http()) as kept:
        rows = {"instances": [[1.0] * 250] * 100}
        begun = pool.submit(server.post, "/v1/models/slow:predict", rows)
        wait_until(lambda: in_flight(server) == 2)  # that one, and the one that asks
        assert ready(kept) == 200
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("stopping")
        wait_until(lambda: ready(kept) != 200)
        wait_until(lambda: is_refused(server))
        assert begun.result(GUARD_SECONDS)[0] == 200
    assert server.wait() == 0


def in_flight(server):
    _, _, page = server.request("GET", "/monitoring/prometheus/metrics")
    name = b"keras_serve_requests_in_flight{} "
    (line,) = [line for line in page.splitlines() if line.startswith(name)]
    return int(line.removeprefix(name))


def ready(connection):
    """The status of readiness on an open connection, None once that is closed."""
    try:
        connection.request("GET", "/v2/health/ready")
        with connection.getresponse() as answer:
            answer.read()
            return answer.status
    except (OSError, http.client.HTTPException):
        return None


def is_refused(server):
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    return False
