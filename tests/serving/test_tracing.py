"""Traces: sent where OpenTelemetry's own variables say, and not a module of it loaded otherwise."""

import json
import os
import queue
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from serving import tracing
from serving.wire import tensor_proto
from serving.wire.messages import serving

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
"""The example of the W3C's Trace Context."""


@pytest.fixture
def collector():
    """The address of a collector over HTTP, and the queue of what it is sent."""
    received = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def spans(received):
    """All spans, by trace, of a server that has ended; and the names of its services."""
    found, services = {}, set()
    while not received.empty():
        for resource in received.get().resource_spans:
            services |= {
                one.value.string_value
                for one in resource.resource.attributes
                if one.key == "service.name"
            }
            for scope in resource.scope_spans:
                for span in scope.spans:
                    found.setdefault(span.trace_id.hex(), []).append(span)
    return found, services


@pytest.fixture
def traced(start_server, models, collector, monkeypatch):
    """From what to ask a server to the spans that it then sends, by trace; and its services."""
    address, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "digits for all")

    def traced(ask):
        server = start_server(models, "--workers", "1")
        ask(server)
        assert server.stop() == 0
        return spans(received)

    return traced


def post(server):
    content = json.dumps({"instances": [1.0, 2]})
    path, headers = "/v1/models/half_plus:predict", {"traceparent": PARENT}
    assert server.request("POST", path, content, headers)[0] == 200
    assert server.post("/v1/models/nobody:predict", content)[0] == 404


def call(server):
    request = serving("PredictRequest")()
    request.model_spec.name = "half_plus"
    tensor_proto.to_proto(np.ones(2, np.float32), request.inputs["x"])
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        predict(request.SerializeToString(), metadata=[("traceparent", PARENT)])


@pytest.mark.parametrize(("ask", "name"), [(post, "REST Predict"), (call, "GRPC Predict")])
def test_a_request_its_wait_and_its_run_are_spans(traced, ask, name):
    found, services = traced(ask)
    assert services == {"digits for all"}
    of_one = {span.name: span for span in found[PARENT.split("-")[1]]}
    assert set(of_one) == {name, "queue wait", "session run"}
    top, wait, run = (of_one[one] for one in (name, "queue wait", "session run"))
    assert top.parent_span_id.hex() == PARENT.split("-")[2]
    assert wait.parent_span_id == run.parent_span_id == top.span_id
    told = {one.key: one.value for one in top.attributes}
    assert told["model.name"].string_value == "half_plus"
    assert told["model.version"].int_value == 124
    assert told["model.rows"].int_value == 2
    times = [(span.start_time_unix_nano, span.end_time_unix_nano) for span in (wait, run)]
    assert [*times[0], *times[1]] == sorted([*times[0], *times[1]])
    assert top.start_time_unix_nano <= times[0][0]
    assert times[1][1] <= top.end_time_unix_nano


def test_a_request_that_fails_says_so_in_its_span(traced):
    found, _ = traced(post)
    del found[PARENT.split("-")[1]]
    ((lost,),) = found.values()
    assert (lost.name, lost.status.message) == ("REST Predict", "NOT_FOUND")


def test_nothing_is_loaded_where_nobody_asks_for_traces():
    code = (
        "import sys, serving.fleet.preload, serving.fleet.supervisor, serving.tracing\n"
        "serving.tracing.check()\n"
        "assert serving.tracing.tracer() is None\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    subprocess.run([sys.executable, "-c", code], env=clean, check=True)


@pytest.mark.parametrize(
    ("environment", "is_wanted"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://host"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://host", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://host", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_SERVICE_NAME": "name"}, False),
    ],
)
def test_traces_are_wanted_where_it_is_said_where_they_go(environment, is_wanted):
    assert tracing.is_wanted(environment) is is_wanted


def test_an_exporter_that_is_not_installed_is_said_at_the_start(run_command, models):
    environment = {"OTEL_TRACES_EXPORTER": "zipkin"}
    done = run_command("keras-serve", models, env=environment)
    assert done.returncode == 2
    assert "pip install opentelemetry-exporter-zipkin" in done.stderr
    assert "Traceback" not in done.stderr
