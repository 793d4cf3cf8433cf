"""Asking a server all the time, over both protocols, while something happens to its versions."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np

from serving.wire import tensor_proto
from serving.wire.messages import serving
from tests.serving.server_process import GUARD_SECONDS

HALF = "/v1/models/half_plus"


@contextlib.contextmanager
def asked_all_the_time(server, label=None):
    """Asks for x = 0 from two threads; yields what was no answer of version 1 or 2."""
    failures, ended = [], threading.Event()
    path, request = f"{HALF}/labels/{label}" if label else HALF, predict_request(label)

    def post():
        while not ended.is_set():
            status, answer = server.post(f"{path}:predict", {"instances": [0.0]})
            if status != 200 or answer["predictions"] not in ([1.0], [2.0]):
                failures.append((status, answer))

    def call():
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
            while not ended.is_set():
                content = predict(request.SerializeToString())
                answer = serving("PredictResponse").FromString(content)
                if list(answer.outputs["y"].float_val) != [answer.model_spec.version.value]:
                    failures.append(answer)

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(one) for one in (post, call)]
        yield failures
        ended.set()
        for one in asking:
            one.result(GUARD_SECONDS)


def predict_request(label=None):
    """Asks for x = 0 of one row, of the version that a label means if one is given."""
    request = serving("PredictRequest")()
    request.model_spec.name = "half_plus"
    if label:
        request.model_spec.version_label = label
    tensor_proto.to_proto(np.zeros(1, np.float32), request.inputs["x"])
    return request
