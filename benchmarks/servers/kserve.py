"""KServe's Python server; it puts no requests together."""

import sys

import kserve
import numpy as np

from benchmarks.servers import network


class Network(kserve.Model):
    """Answers KServe's V1 protocol."""

    def __init__(self, path: str) -> None:
        """Loads nothing: workers get a copy of this."""
        super().__init__("model")
        self._path, self._network, self.ready = path, None, True

    def predict(self, payload: dict, headers: object = None, *others: object) -> dict:
        """Computes rows."""
        if self._network is None:
            self._network = network.loaded(self._path)
        rows = np.array(payload["instances"], np.float32)
        return {"predictions": self._network(rows).tolist()}


def main(path: str, port: int, workers: int) -> None:
    """Serves."""
    server = kserve.ModelServer(
        http_port=port, workers=workers, enable_grpc=False, access_log_format=None
    )
    server.start([Network(path)])


if __name__ == "__main__":
    path, port, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    del sys.argv[1:]  # KServe reads flags of its own
    main(path, port, workers)
