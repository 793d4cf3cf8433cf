"""`keras-export --report`: the proof and what it left out, the edges, and what keeps a loop."""

import keras
import numpy as np
from keras import layers

from serving import bundle_json


def test_the_report_says_what_was_proven_what_is_refused_and_what_loops(run_command, tmp_path):
    x = keras.Input((None, 3), name="series")
    y = layers.GRU(4, return_sequences=True)(x)
    y = layers.GRU(4, activation="selu")(y)  # which no operator of ONNX's has
    keras.Model(x, layers.Dense(2, name="scores")(y)).save(tmp_path / "model.keras")
    done = run_command(
        "keras-export", tmp_path / "model.keras", "--to", tmp_path, "--report", "--optimize"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("| savedmodel | serving_default | scores |") for line in lines)
    assert any(line.startswith("| onnx | serving_default | scores |") for line in lines)
    assert "| serving_default | batch 0 | ends the process | keeps it from ONNX Runtime |" in lines
    # What ONNX Runtime's recurrent operators make of a NaN is their own affair; the report says it.
    assert any(line.startswith("| serving_default | series: NaN | ") for line in lines)
    assert "| serving_default | series: infinity | as Keras | lets it pass |" in lines
    (graph,) = [line for line in lines if line.startswith("serving_default.onnx: ")]
    assert "1 × a loop over what ONNX has no operator for" in graph
    assert any("optimized by ONNX Runtime" in line for line in lines)
    assert "optimized by ONNX Runtime" in (tmp_path / "model/1/README.md").read_text()


def test_inputs_on_which_nothing_could_be_proven_are_listed_with_the_reason(run_command, tmp_path):
    x = keras.Input((None, 3), name="series")
    y = layers.Conv1D(2, 3, name="conv")(x)  # which has no answer to one step
    y = keras.ops.sin(100 * y)  # of 100,000 and one half, nobody knows it in float32
    keras.Model(x, layers.Dense(2, name="scores")(y)).save(tmp_path / "model.keras")
    done = run_command("keras-export", tmp_path / "model.keras", "--to", tmp_path, "--report")
    assert done.returncode == 0, done.stderr
    left_out = {one.case: one for one in bundle_json.read(tmp_path / "model/1").left_out}
    assert left_out["length_1"].reason == "Keras itself refuses it"
    assert left_out["largest"].reason.startswith("Keras' own scores moves by more than ")
    card = (tmp_path / "model/1/README.md").read_text()
    for one in left_out.values():
        row = f"| serving_default | {one.case} | {one.reason} |"
        assert row in done.stdout.splitlines()
        assert row in card.splitlines()
    arrays = np.load(tmp_path / "model/1/reference.npz")
    proven = {name.split("/")[1] for name in arrays.files}
    assert not proven & set(left_out)
    assert {"real_3", "length_5", "zeros", "noise"} <= proven
