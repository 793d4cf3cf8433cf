"""MLServer, with adaptive batching; a pool of workers where its own code can start one."""

import asyncio
import sys

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.servers.network import MOST_ROWS, WAIT_SECONDS, loaded


class Network(MLModel):
    """What MLServer loads."""

    async def load(self) -> bool:
        """Loads the network."""
        self._network = loaded(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Computes rows."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        output = NumpyCodec.encode_output("y", self._network(rows))
        return InferenceResponse(model_name=self.name, outputs=[output])


async def main(path: str, port: int) -> None:
    """Serves."""
    settings = Settings(
        host="127.0.0.1",
        http_port=port,
        grpc_port=port + 1,
        metrics_port=port + 2,
        # Version 1.7.1 cannot start a worker where uvloop has no event loop yet.
        parallel_workers=0,
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
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
