"""Clients that speak HTTP/2 frame by frame, as they like."""

import socket
import struct

import numpy as np

from serving.http2 import frames, hpack
from serving.http2.frames import DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, frame
from serving.wire import tensor_proto
from serving.wire.messages import serving
from tests.serving.server_process import GUARD_SECONDS

PREDICT = b"/tensorflow.serving.PredictionService/Predict"
NONE = {}
X = np.array([1, 2, 5], np.float32)
HEAD = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", PREDICT),
    (b":authority", b"x"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]


def block(fields):
    return b"".join(hpack.literal(*field) for field in fields)


def message(content, flag=0):
    return struct.pack(">BI", flag, len(content)) + content


def half_plus(x=X):
    request = serving("PredictRequest")()
    request.model_spec.name = "half_plus"
    tensor_proto.to_proto(x[:0], request.inputs["x"])
    request.inputs["x"].tensor_shape.dim[0].size = len(x)
    request.inputs["x"].tensor_content = x.tobytes()
    return request.SerializeToString()


class Client:
    """Sends what it is told, and reads frames."""

    def __init__(self, server, settings=NONE):
        """Begins with settings, or, where they are None, with nothing."""
        self.socket = socket.create_connection(("127.0.0.1", server.grpc_port), GUARD_SECONDS)
        self._file = self.socket.makefile("rb")
        if settings is not None:
            self.send(frames.PREFACE + frames.settings(settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self.socket.close()

    def send(self, content):
        self.socket.sendall(content)

    def frame(self):
        """Returns kind, flags, stream and payload of the next frame; None at the end."""
        head = self._file.read(frames.HEAD_BYTES)
        if len(head) < frames.HEAD_BYTES:
            return None
        size, kind, flags, number = frames.read_head(head, 0)
        return kind, flags, number, self._file.read(size)

    def until_end(self):
        """Returns all frames until the server closes the connection."""
        found = []
        try:
            while (one := self.frame()) is not None:
                found.append(one)
        except ConnectionError:
            pass
        return found

    def until_goaway(self):
        """Returns the error code with which the server ends the connection; None without one."""
        codes = [payload[4:8] for kind, _, _, payload in self.until_end() if kind == GOAWAY]
        return int.from_bytes(codes[-1], "big") if codes else None

    def answer(self, number=1):
        """Returns the message and the last fields of a stream."""
        data, reader = b"", hpack.Reader()
        while True:
            kind, flags, stream, payload = self.frame()
            if stream == number and kind == DATA:
                data += payload
            fields = dict(reader.fields(payload)) if kind == HEADERS else {}
            if stream == number and flags & END_STREAM:
                return data[5:], fields


def outputs(content):
    return list(serving("PredictResponse").FromString(content).outputs["y"].float_val)


def call(data, number=1, fields=HEAD):
    return frame(HEADERS, END_HEADERS, number, block(fields)) + frame(
        DATA, END_STREAM, number, data
    )
