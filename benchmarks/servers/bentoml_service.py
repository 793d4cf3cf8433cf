"""BentoML's service, with adaptive batching; `benchmarks.servers.bentoml` starts it."""

import os

import bentoml
import numpy as np

from benchmarks.servers.network import MOST_ROWS, loaded


@bentoml.service(workers=int(os.environ["WORKERS"]), metrics={"enabled": False})
class Network:
    """Answers `predict`."""

    def __init__(self) -> None:
        """Loads the network in each worker."""
        self._network = loaded(os.environ["NETWORK"])

    @bentoml.api(batchable=True, max_batch_size=MOST_ROWS, max_latency_ms=1000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Computes rows."""
        return self._network(np.asarray(rows, np.float32))
