"""S11: clients that are gone before the answer, deadlines of a millisecond: nothing is left."""

import asyncio

import grpc
import numpy as np

from serving.wire.messages import serving
from tests.soak.live import Live, predict
from tests.soak.trial import Outcome, Trial

COUNT = 1000
PATH = "/v1/models/slow:predict"
BODY = predict([[1.0] * 250])


async def gone(number):
    random, faults = np.random.default_rng([11, number]), []
    with Live("--queue-ms", "600000") as server:
        await server.ask("POST", PATH, BODY)
        await leave(server, random, 20)
        await asyncio.sleep(1)
        before = server.descriptors(), server.threads()
        await leave(server, random, COUNT // 2)
        await expire(server, COUNT - COUNT // 2)
        left = await settled(server)
        if left > 1:
            faults.append(f"{left - 1:.0f} requests are still in flight")
        after = server.descriptors(), server.threads()
        status, _ = await server.ask("POST", PATH, BODY)
        if status != 200:
            faults.append(f"the server answers {status} afterwards")
    growth = {"descriptors more": after[0] - before[0], "threads more": after[1] - before[1]}
    faults += [f"{value} {name}" for name, value in growth.items() if value > 0]
    return Outcome(done=COUNT, faults=faults, figures=growth)


async def leave(server, random, count):
    """Asks, and closes the connection within some milliseconds."""

    async def one():
        client = await server.connect()
        client.send("POST", PATH, BODY)
        await asyncio.sleep(random.random() * 0.05)
        client.writer.transport.abort()

    for _ in range(0, count, 50):
        await asyncio.gather(*(one() for _ in range(min(50, count))))


async def expire(server, count):
    """Asks over gRPC with a deadline that no answer can meet."""
    request = serving("PredictRequest")()
    request.model_spec.name = "slow"
    request.inputs["x"].dtype = 1
    for length in (1, 250):
        request.inputs["x"].tensor_shape.dim.add(size=length)
    request.inputs["x"].float_val.extend([1.0] * 250)
    content = request.SerializeToString()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        for _ in range(0, count, 50):
            calls = [call(content, timeout=0.001) for _ in range(50)]
            await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.sleep(0.5)


async def settled(server):
    """Returns the requests in flight once they are as few as they get; this one is among them."""
    found = await server.metric("keras_serve_requests_in_flight")
    for _ in range(50):
        if found <= 1:
            break
        await asyncio.sleep(0.2)
        found = await server.metric("keras_serve_requests_in_flight")
    await asyncio.sleep(1)
    return found


TRIALS = [
    Trial(
        name="S11",
        what="clients gone, and deadlines of 1 ms",
        rounds=10,
        run=gone,
        promise="no request, descriptor or thread is left over",
    ),
]
