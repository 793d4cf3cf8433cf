"""Runs a bundle's ONNX graphs over golden inputs, in a process of its own, by the code that serves.

python -m export.onnx_runner FOLDER INPUTS.npz OUTPUTS.npz
"""

import sys
from pathlib import Path

import numpy as np

from serving import bundle_json, golden
from serving.model import Model


def main(folder: str, inputs_path: str, outputs_path: str) -> None:
    """Reads, runs, writes; the same array names as `savedmodel_runner`."""
    place = Path(folder)
    model = Model(place, bundle_json.read(place))
    outputs = {}
    for case in golden.from_bytes(Path(inputs_path).read_bytes()):
        if model.manifest.signature(case.signature).onnx is None:
            continue
        for name, value in model.run(case.signature, case.inputs).items():
            outputs[f"{case.signature}/{case.name}/output/{name}"] = value
    with open(outputs_path, "wb") as file:
        np.savez(file, **outputs)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
