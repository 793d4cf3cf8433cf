"""Seconds from starting Python to the first answer: `serving` beside bare ONNX Runtime.

    python -m benchmarks.first_answer models/digits/1

Fresh processes, alternately; medians. Both import NumPy and ONNX Runtime, open the same graph and
run one sample; `serving` also reads the manifest, checks the hash, and checks the input.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 9
BARE = """
import numpy, onnxruntime
session = onnxruntime.InferenceSession({graph!r}, providers=["CPUExecutionProvider"])
(tensor,) = session.get_inputs()
shape = [1 if isinstance(d, str) else d for d in tensor.shape]
session.run(None, {{tensor.name: numpy.zeros(shape, numpy.uint8)}})
"""
SERVING = """
import serving
model = serving.load({bundle!r})
(tensor,) = model.manifest.signature("serving_default").inputs
import numpy
model.predict(**{{tensor.name: numpy.zeros([1, *tensor.shape[1:]], tensor.dtype)}})
"""


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("bundle", type=Path, help="a bundle of an image classifier")
    options = parser.parse_args()
    codes = {
        "bare ONNX Runtime": BARE.format(graph=str(options.bundle / "onnx/serving_default.onnx")),
        "serving": SERVING.format(bundle=str(options.bundle)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in codes}
    for turn in range(RUNS + 1):
        for name, code in codes.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            if turn:
                seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"{name:18} {value:.3f} s")
    print(f"{'difference':18} {medians['serving'] - medians['bare ONNX Runtime']:.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
