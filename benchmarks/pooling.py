"""`python -m benchmarks.pooling`: average pooling in ONNX Runtime, in two operator sets.

Why `export/lowering/earlier.py` leaves some graphs in the older one. Milliseconds on one thread,
the fastest of many runs, the two sets in turns.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

OLDER, NEWER = 18, 23
SHAPES: Sequence[tuple[str, tuple[int, ...]]] = (
    ("volumes, 16 channels", (1, 16, 16, 16, 16)),
    ("sequences, 16 channels", (1, 16, 4096)),
    ("images, 3 channels", (1, 3, 64, 64)),
    ("images, 16 channels", (1, 16, 64, 64)),
)
"""In the order [batch, channels, …]; averages are of 3 places along every axis."""
ROUNDS, RUNS = 5, 20


def main() -> int:
    """Prints the table."""
    print(f"| averages of | ms in operator set {OLDER} | ms in {NEWER} | times as long |")
    print("|---|---|---|---|")
    for name, shape in SHAPES:
        older, newer = measured(shape)
        print(f"| {name} | {older:.3f} | {newer:.3f} | {newer / older:.1f} |")
    return 0


def measured(shape: Sequence[int]) -> tuple[float, float]:
    """Returns milliseconds in the older and in the newer operator set."""
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    sessions = [_session(shape, opset) for opset in (OLDER, NEWER)]
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for position, session in enumerate(sessions):
            for _ in range(RUNS):
                start = time.perf_counter()
                session.run(None, {"x": x})
                best[position] = min(best[position], time.perf_counter() - start)
    return 1000 * best[0], 1000 * best[1]


def _session(shape: Sequence[int], opset: int) -> onnxruntime.InferenceSession:
    window = [3] * (len(shape) - 2)
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=window)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph([node], "pool", [x], [y]),
        opset_imports=[helper.make_opsetid("", opset)],
    )
    model.ir_version = helper.find_min_ir_version_for(list(model.opset_import))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        onnx.ModelProto.SerializeToString(model), options, providers=["CPUExecutionProvider"]
    )


if __name__ == "__main__":
    sys.exit(main())
