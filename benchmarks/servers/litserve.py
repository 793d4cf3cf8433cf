"""LitServe, with batching."""

import sys

import litserve
import numpy as np

from benchmarks.servers.network import MOST_ROWS, WAIT_SECONDS, loaded


class API(litserve.LitAPI):
    """One request is one row."""

    def setup(self, device: str) -> None:
        """Loads the network in each worker."""
        self.network = loaded(self.path)

    def decode_request(self, request: dict) -> np.ndarray:
        """Reads a row."""
        return np.array(request["input"], np.float32)

    def batch(self, inputs: list) -> np.ndarray:
        """Puts rows together."""
        return np.stack(inputs)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Computes them."""
        return self.network(rows)

    def unbatch(self, output: np.ndarray) -> list:
        """Takes them apart."""
        return list(output)

    def encode_response(self, output: np.ndarray) -> dict:
        """Writes a row."""
        return {"output": output.tolist()}


def main(path: str, port: int, workers: int) -> None:
    """Serves."""
    api = API(max_batch_size=MOST_ROWS, batch_timeout=WAIT_SECONDS)
    api.path = path
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=workers)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
