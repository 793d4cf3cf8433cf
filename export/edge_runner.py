"""Runs an ONNX graph on inputs that may end the process: a process of its own, made to be lost.

    python -m export.edge_runner MODEL.onnx INPUTS.npz FOLDER

INPUTS holds arrays named <case>/<tensor>. For each case FOLDER gets <number>.begun, then either
<number>.npz with the outputs by name, or <number>.error with what was said.
"""

import resource
import sys
from pathlib import Path

import numpy as np
import onnxruntime

MOST_BYTES = 8 * 2**30
"""Of address space, beside that of the weights."""
COPIES = 3
"""How many times the weights may be in it: their file, what the session makes of it, and while it
does."""
MOST_SECONDS = 60


def main(model: str, inputs_path: str, folder: str) -> None:
    """Loads the graph as serving does, and runs case after case."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    files = Path(model).parent.glob(f"{Path(model).name}*")  # and what lies beside it
    weights = sum(one.stat().st_size for one in files)
    limit = MOST_BYTES + COPIES * weights
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    cases: dict[str, dict[str, np.ndarray]] = {}
    with np.load(inputs_path, allow_pickle=False) as arrays:
        for key in arrays.files:
            case, tensor = key.split("/", 1)
            cases.setdefault(case, {})[tensor] = arrays[key]
    for case, inputs in cases.items():
        place = Path(folder) / case
        place.with_suffix(".begun").touch()
        try:
            outputs = session.run(names, inputs)
        except Exception as error:  # ONNX Runtime raises many types; each of them is an answer
            place.with_suffix(".error").write_text(str(error))
            continue
        with place.with_suffix(".npz").open("wb") as file:
            np.savez(file, **dict(zip(names, outputs, strict=True)))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
