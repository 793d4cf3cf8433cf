"""Runs a SavedModel over golden inputs as TF Serving would load it: through a session.

A script of its own, started with `python -I`: without Keras, and without a line of this project.

    python -I savedmodel_runner.py FOLDER INPUTS.npz OUTPUTS.npz

INPUTS holds arrays named <signature>/<case>/input/<tensor>; OUTPUTS gets
<signature>/<case>/output/<tensor>. Strings are written in hexadecimal on both sides.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.modules["keras"] = None  # type: ignore[assignment]  # importing it fails from here on

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(folder: str, inputs_path: str, outputs_path: str) -> None:
    """Reads, runs, writes."""
    cases: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    with np.load(inputs_path, allow_pickle=False) as arrays:
        for key in arrays.files:
            signature, case, side, name = key.split("/", 3)
            if side == "input":
                cases.setdefault((signature, case), {})[name] = arrays[key]
    outputs = {}
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], folder)
        for (signature, case), inputs in cases.items():
            definition = loaded.signature_def[signature]
            feed = {definition.inputs[n].name: to_feed(v) for n, v in inputs.items()}
            fetch = {name: tensor.name for name, tensor in definition.outputs.items()}
            for name, value in session.run(fetch, feed).items():
                outputs[f"{signature}/{case}/output/{name}"] = to_store(value)
    if any(name.split(".")[0] == "keras" and module for name, module in sys.modules.items()):
        raise SystemExit("Keras was loaded: this proves nothing")
    with open(outputs_path, "wb") as file:
        np.savez(file, **outputs)  # type: ignore[arg-type]


def to_feed(value: np.ndarray) -> np.ndarray:
    """Turns hexadecimal text back into bytes."""
    if value.dtype.kind != "U":
        return value
    return np.array([bytes.fromhex(one) for one in value.ravel()], object).reshape(value.shape)


def to_store(value: np.ndarray) -> np.ndarray:
    """Turns bytes into hexadecimal text."""
    if value.dtype.kind != "O":
        return value
    return np.array([one.hex() for one in value.ravel()]).reshape(value.shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
