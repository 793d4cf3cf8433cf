"""The network of every contestant: an ONNX Runtime session on one thread."""

from collections.abc import Callable

import numpy as np
import onnxruntime

MOST_ROWS = 64
WAIT_SECONDS = 0.0005

Network = Callable[[np.ndarray], np.ndarray]
"""From float32 [batch, 784] to float32 [batch, 10]."""


def loaded(path: str) -> Network:
    """Loads an ONNX file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda rows: session.run(None, {name: rows})[0]
