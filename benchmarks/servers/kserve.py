"""KServe's Python server; it puts no requests together."""

import sys

import numpy as np

from benchmarks.servers.network import loaded

if __name__ == "__main__":
    import kserve

    path, port, workers = sys.argv[1:4]

    class Network(kserve.Model):
        """Answers its V1 protocol."""

        def load(self) -> bool:
            """Loads the network in each worker."""
            self._network = loaded(path)
            self.ready = True
            return True

        def predict(self, payload: dict, headers: object = None, *others: object) -> dict:
            """Computes rows."""
            rows = np.array(payload["instances"], np.float32)
            return {"predictions": self._network(rows).tolist()}

    flags = ["--http_port", port, "--grpc_port", str(int(port) + 1), "--workers", workers]
    sys.argv = [sys.argv[0], *flags, "--enable_grpc", "false"]
    network = Network("model")
    network.load()
    server = kserve.ModelServer(
        http_port=int(port), workers=int(workers), enable_grpc=False, access_log_format=None
    )
    server.start([network])
