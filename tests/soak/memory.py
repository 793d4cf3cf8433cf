"""S7: requests of every kind, a hundred thousand at a time: memory stays where it was."""

import asyncio
import io

import grpc
import numpy as np
from PIL import Image

from serving.wire.messages import serving
from tests.soak.live import MEBIBYTE, Live, predict, quantile
from tests.soak.trial import Outcome, Trial

WARM_UP, COUNT, CONNECTIONS = 20_000, 100_000, 8
MOST_MEBIBYTES = 16


def picture():
    stream = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(stream, "PNG")
    return stream.getvalue()


REQUESTS = [
    (200, "POST", "/v1/models/half_plus:predict", predict([1.5, 2.5]), ""),
    (200, "POST", "/v1/models/half_plus:predict", predict([1.5] * 256), ""),
    (200, "POST", "/v1/models/sums:predict", b'{"instances": [{"a": [1, 2], "b": 3}]}', ""),
    (200, "POST", "/v1/models/series:predict", predict([[1.0, 2.0, 3.0]]), ""),
    (200, "POST", "/v1/models/series:predict", predict([[1.0] * 50] * 3), ""),
    (200, "POST", "/v1/models/pixels:predict", picture(), "Content-Type: image/png\r\n"),
    (
        200,
        "POST",
        "/v1/models/pixels:predict",
        predict({"seed": 3, "count": 9}, signature_name="sample"),
        "Accept: image/png\r\n",
    ),
    (200, "GET", "/v1/models/half_plus", b"", ""),
    (200, "GET", "/v1/models/pixels/metadata", b"", ""),
    (200, "GET", "/monitoring/prometheus/metrics", b"", ""),
    (400, "POST", "/v1/models/half_plus:predict", b'{"inputs": ["a"]}', ""),
    (400, "POST", "/v1/models/half_plus:predict", b'{"inputs": [', ""),
    (404, "POST", "/v1/models/nothing:predict", predict([1.0]), ""),
]
WEIGHTS = np.array([20, 2, 20, 10, 5, 5, 5, 5, 1, 0.2, 5, 5, 5])


async def send(server, count, random, faults):
    """Sends mixed requests on connections that are now and then broken off."""

    async def client(share):
        connection = await server.connect()
        for chosen in random.choice(len(REQUESTS), share, p=WEIGHTS / WEIGHTS.sum()):
            wanted, method, path, body, headers = REQUESTS[chosen]
            if random.random() < 0.002:  # asks, and is gone
                connection.send(method, path, body, headers)
                connection.close()
                connection = await server.connect()
                continue
            status, _ = await connection.ask(method, path, body, headers)
            if status != wanted:
                faults.append(f"{status} instead of {wanted} to {method} {path}")
        connection.close()

    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        await asyncio.gather(
            rpc(channel, count // 10),
            *(client(count * 9 // 10 // CONNECTIONS) for _ in range(CONNECTIONS)),
        )


async def rpc(channel, count):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    request = serving("PredictRequest")()
    request.model_spec.name = "half_plus"
    request.inputs["x"].dtype = 1
    request.inputs["x"].tensor_shape.dim.add(size=1)
    request.inputs["x"].float_val.append(1.0)
    content = request.SerializeToString()
    for _ in range(count):
        await call(content)


async def flat(number):
    random, faults = np.random.default_rng([7, number]), []
    with Live("--queue-ms", "60000") as server:
        await send(server, WARM_UP, random, faults)
        sizes = [server.memory_bytes()]
        for _ in range(10):
            await send(server, COUNT // 10, random, faults)
            sizes.append(server.memory_bytes())
    growth = (sizes[-1] - sizes[0]) / MEBIBYTE
    late = (quantile(sizes[-3:], 0.5) - quantile(sizes[4:7], 0.5)) / MEBIBYTE
    if growth > MOST_MEBIBYTES:
        faults.append(f"memory grew by {growth:.1f} MiB")
    return Outcome(
        done=COUNT, faults=faults, figures={"growth MiB": growth, "in the second half MiB": late}
    )


TRIALS = [
    Trial(
        name="S7",
        what="mixed requests over both protocols",
        rounds=10,
        run=flat,
        promise="memory grows ≤ 16 MiB in 100,000 after warm-up",
    ),
]
