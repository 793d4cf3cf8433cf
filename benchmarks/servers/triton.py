"""Triton, as `nvidia-pytriton` carries it, with its dynamic batcher; gRPC is on the next port."""

import sys

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from benchmarks.servers.network import MOST_ROWS, WAIT_SECONDS, loaded


def main(path: str, port: int) -> None:
    """Serves; Triton itself has threads for both cores, the network has its own."""
    network = loaded(path)

    @batch
    def infer(x: np.ndarray) -> dict:
        return {"y": network(x)}

    config = TritonConfig(http_port=port, grpc_port=port + 1, metrics_port=port + 2)
    with Triton(config=config) as triton:
        triton.bind(
            model_name="model",
            infer_func=infer,
            inputs=[Tensor(name="x", dtype=np.float32, shape=(784,))],
            outputs=[Tensor(name="y", dtype=np.float32, shape=(10,))],
            config=ModelConfig(
                max_batch_size=MOST_ROWS,
                batcher=DynamicBatcher(max_queue_delay_microseconds=int(WAIT_SECONDS * 1e6)),
            ),
        )
        triton.serve()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
