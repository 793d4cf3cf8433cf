"""BentoML, with adaptive batching, whose window it learns."""

import os
import sys

if __name__ == "__main__":
    path, port, workers = sys.argv[1:4]
    environment = {
        **os.environ, "NETWORK": path, "WORKERS": workers, "BENTOML_DO_NOT_TRACK": "True",
    }  # fmt: skip
    service = "benchmarks.servers.bentoml_service:Network"
    command = [sys.executable, "-m", "bentoml", "serve", service, "--host", "127.0.0.1"]
    os.execve(sys.executable, [*command, "--port", port], environment)
