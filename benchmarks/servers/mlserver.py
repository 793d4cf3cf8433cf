"""MLServer, with adaptive batching and a pool of workers."""

import asyncio
import sys

from benchmarks.servers.network import MOST_ROWS, WAIT_SECONDS, loaded

try:
    from mlserver import MLModel, MLServer, ModelSettings, Settings
    from mlserver.codecs import NumpyCodec
    from mlserver.types import InferenceRequest, InferenceResponse
except ImportError:
    MLModel = object


class Network(MLModel):  # type: ignore[misc, valid-type]
    """What MLServer loads in each worker."""

    async def load(self) -> bool:
        """Loads the network."""
        self._network = loaded(self.settings.parameters.uri)
        return True

    async def predict(self, payload: "InferenceRequest") -> "InferenceResponse":
        """Computes rows."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        output = NumpyCodec.encode_output("y", self._network(rows))
        return InferenceResponse(model_name=self.name, outputs=[output])


async def main(path: str, port: int, workers: int) -> None:
    """Serves."""
    settings = Settings(
        host="127.0.0.1",
        http_port=port,
        grpc_port=port + 1,
        metrics_port=port + 2,
        parallel_workers=workers,
        debug=False,
    )
    model = ModelSettings(
        name="model",
        implementation="benchmarks.servers.mlserver.Network",
        parameters={"uri": path},
        max_batch_size=MOST_ROWS,
        max_batch_time=WAIT_SECONDS,
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
