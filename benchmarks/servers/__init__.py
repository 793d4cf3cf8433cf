"""The same network behind other servers, as their documentation would have it; each is a script.

    PYTHON -m benchmarks.servers.NAME NETWORK.onnx PORT WORKERS

Each runs ONNX Runtime with one thread in each worker, puts requests together to at most 64 rows
where it can, and waits half a millisecond for them.
"""
