"""`keras-export` as its users meet it: what a run becomes, and what is refused in one line."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

import serving

ROOT = Path(__file__).parent.parent.parent


def refused(done, code, says):
    lines = [line for line in done.stderr.splitlines() if " s  " not in line]
    return done.returncode == code and len(lines) == 1 and says in lines[0] and not done.stdout


def test_a_run_becomes_a_bundle_that_says_what_it_is(digits_bundle):
    manifest = json.loads((digits_bundle / "bundle.json").read_text())
    assert [s["name"] for s in manifest["signatures"]] == [
        "serving_default",
        "classify_image_bytes",
        "classify",
    ]
    for proof in manifest["proof"]:
        assert proof["decisions"] == proof["decisions_agreeing"] > 0
        assert proof["largest_relative_error"] <= 1e-4
    card = (digits_bundle / "README.md").read_text()
    assert "test part" in card
    assert "| onnx | serving_default | probabilities |" in card


def test_tensorflow_reads_the_names_of_the_signatures(digits_bundle):
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(digits_bundle))
    signature = loaded.signature_def["classify_image_bytes"]
    assert set(signature.inputs) == {"image_bytes"}
    assert set(signature.outputs) == {"class", "probabilities"}
    assert set(loaded.signature_def["serving_default"].outputs) == {"probabilities", "label"}


def test_warm_up_requests_are_real_samples(digits_bundle):
    path = digits_bundle / "assets.extra" / "tf_serving_warmup_requests"
    # The official message, so that a field number of our own that is wrong cannot hide.
    records = [PredictionLog.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(path))]
    requests = [record.predict_log.request for record in records]
    assert {request.model_spec.name for request in requests} == {"digits"}
    assert {request.model_spec.signature_name for request in requests} == {
        "serving_default",
        "classify_image_bytes",
        "classify",
    }
    image = next(tf.make_ndarray(r.inputs["image"]) for r in requests if "image" in r.inputs)
    assert image.shape[1:] == (8, 8, 1)
    assert image.max() > 200


def test_any_keras_file_is_exported_and_answers(run_command, tmp_path):
    model = keras.Sequential([keras.Input((5,), name="features"), layers.Dense(3, name="scores")])
    model.save(tmp_path / "my.keras")
    done = run_command(
        "keras-export", tmp_path / "my.keras", "--to", tmp_path, "--name", "mine",
        env={"KERAS_BACKEND": "jax"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "set to the jax backend" in done.stderr
    assert f"next: keras-verify {tmp_path / 'mine' / '1'}" in done.stdout
    features = np.ones((2, 5), np.float32)
    answer = serving.load(tmp_path / "mine").predict(features=features)["scores"]
    np.testing.assert_allclose(answer, model(features), atol=1e-6)


def flat(tmp_path):
    layer = layers.Dense(3, kernel_initializer="zeros", activation="softmax", name="scores")
    keras.Sequential([keras.Input((5,), name="x"), layer]).save(tmp_path / "flat.keras")
    return tmp_path / "flat.keras"


def test_what_proves_nothing_is_not_published(run_command, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32))
    done = run_command(
        "keras-export",
        flat(tmp_path),
        "--to",
        tmp_path / "models",
        "--examples",
        tmp_path / "x.npz",
    )
    assert refused(done, 1, "is nearly the same for every input")
    assert list((tmp_path / "models").iterdir()) == []


def test_what_is_flat_on_inputs_drawn_at_random_is_proven_with_other_weights(run_command, tmp_path):
    done = run_command("keras-export", flat(tmp_path), "--to", tmp_path / "models")
    assert done.returncode == 0, done.stderr
    assert "its outputs hardly vary: proving its layers with other weights too" in done.stderr


@pytest.mark.parametrize(
    ("source", "says"),
    [("nowhere", "there is no run directory or .keras file"), (".", "no config.json")],
)
def test_what_is_no_model_is_named(source, says, run_command, tmp_path):
    done = run_command("keras-export", tmp_path / source, "--to", tmp_path / "models")
    assert refused(done, 2, says)


def test_a_run_whose_model_has_other_weights_than_its_examples_shape_is_refused(
    digits_run, run_command, tmp_path
):
    run = shutil.copytree(digits_run, tmp_path / "run")
    with (run / "examples.npz").open("wb") as file:
        np.savez(file, image=np.zeros((4, 9, 9, 1), np.uint8))
    done = run_command("keras-export", run, "--to", tmp_path / "models")
    assert refused(done, 2, "the model takes [batch, 8, 8, 1]")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_while_it_proves_it_leaves_nothing(number, code, digits_run, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "export", str(digits_run), "--to", str(tmp_path)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = ""
        for line in process.stderr:
            said += line
            if "proving" in line:
                process.send_signal(number)
        process.wait()
    assert process.returncode == code
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
