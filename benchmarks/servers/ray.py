"""Ray Serve, with `serve.batch`."""

import os
import signal
import sys

import numpy as np

from benchmarks.servers.network import MOST_ROWS, WAIT_SECONDS, loaded

if __name__ == "__main__":
    # It gives its own proxy five seconds to start, which takes longer on a machine that is busy.
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")
    import ray
    from ray import serve
    from starlette.requests import Request

    path, port, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

    @serve.deployment(num_replicas=workers, max_ongoing_requests=256)
    class Network:
        """One request is one row."""

        def __init__(self) -> None:
            """Loads the network in each replica."""
            self._network = loaded(path)

        @serve.batch(max_batch_size=MOST_ROWS, batch_wait_timeout_s=WAIT_SECONDS)
        async def compute(self, rows: list) -> list:
            """Computes rows that came at the same time."""
            return list(self._network(np.stack(rows)))

        async def __call__(self, request: Request) -> dict:
            """Answers."""
            row = np.array((await request.json())["input"], np.float32)
            return {"output": (await self.compute(row)).tolist()}

    ray.init(include_dashboard=False, num_cpus=workers + 1, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Network.bind(), route_prefix="/predict")
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    serve.shutdown()
    ray.shutdown()
