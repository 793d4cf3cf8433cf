"""`keras-train` as a person meets it: help that teaches, errors in one line, runs that stay."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["mlp", "--run", "RUN"], "there is no model family 'mlp': choose one of cnn"),
        (["cnn", "--run", "RUN", "--data", "nowhere"], "there is no data set or folder 'nowhere'"),
        (["cnn", "--run", "RUN", "--preset", "huge"], "has no preset 'huge'"),
        (["cnn", "--run", "RUN", "--epochs", "0"], "epochs must be at least 1"),
        (["cnn", "--run", "RUN", "--dropout", "1.5"], "dropout must be in [0, 1)"),
        (["cnn", "--run", "RUN", "--activation", "loud"], "activation function identifier: loud"),
        (["cnn", "--run", "RUN", "--filters", "8", "8", "8", "8", "8"], "too small for 5 stages"),
        (["cnn", "--run", "RUN", "--resume"], "nothing to resume"),
        (["cnn", "--resume"], "--resume needs --run"),
        (["cnn", "--run", "RUN", "--resume", "--epochs", "3"], "leave out --epochs 3"),
        (["cnn", "--run", "RUN", "--precision", "mixed_float16"], "needs a GPU"),
        ([], "say what to train"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(run_command, tmp_path, flags, says):
    run = tmp_path / "run"
    done = run_command("keras-train", *[run if flag == "RUN" else flag for flag in flags])
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1] or says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not run.exists()


def test_an_unknown_flag_is_refused_with_code_2(run_command, tmp_path):
    done = run_command("keras-train", "cnn", "--run", tmp_path / "run", "--epoch", "3")
    assert done.returncode == 2
    assert "--epoch" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_opens_with_an_example_and_lists_presets(run_command):
    done = run_command("keras-train", "cnn", "--help")
    assert done.returncode == 0
    assert "keras-train cnn --data digits --run runs/digits" in " ".join(done.stdout.split())
    assert "--preset cifar10" in done.stdout
    assert run_command("keras-train", "--help").returncode == 0


def test_help_that_nobody_reads_to_its_end_ends_without_a_word():
    command = [sys.executable, "-m", "train", "gan", "--help"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        process.stdout.close()
        assert "keras-train" not in process.stderr.read()
    assert process.returncode == 0


def test_a_run_directory_is_never_overwritten(run_command, digits_run, tmp_path):
    before = (digits_run / "config.json").read_bytes()
    done = run_command("keras-train", "cnn", "--run", digits_run)
    assert done.returncode == 2
    assert "holds a run already" in done.stderr
    assert (digits_run / "config.json").read_bytes() == before
    (tmp_path / "notes.txt").write_text("mine")
    assert "not a run" in run_command("keras-train", "cnn", "--run", tmp_path).stderr


def test_resuming_a_finished_run_says_so_and_changes_nothing(run_command, digits_run):
    before = (digits_run / "model.keras").read_bytes()
    done = run_command("keras-train", "cnn", "--run", digits_run, "--resume")
    assert done.returncode == 0
    assert "finished already" in done.stderr
    assert (digits_run / "model.keras").read_bytes() == before


def test_a_run_holds_what_design_promises(digits_run):
    names = {path.name for path in digits_run.iterdir()}
    assert names == {
        "config.json",
        "model.keras",
        "checkpoint",
        "examples.npz",
        "logs",
        "metrics.json",
    }
    metrics = json.loads((digits_run / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.9
    with np.load(digits_run / "examples.npz") as examples:
        assert examples["image"].dtype == np.uint8
        assert len(examples["image"]) == len(examples["answer"])


def test_the_figures_are_those_of_the_saved_model(digits_run):
    from train import datasets

    test = datasets.load("digits").test
    model = keras.saving.load_model(digits_run / "model.keras")
    accuracy = np.mean(np.asarray(model(test.pixels)).argmax(axis=1) == test.labels)
    metrics = json.loads((digits_run / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] == pytest.approx(accuracy)


def test_mixed_precision_trains_and_the_saved_model_is_float32(run_command, tmp_path):
    done = run_command(
        "keras-train",
        "cnn",
        "--run",
        tmp_path / "run",
        "--epochs",
        "2",
        "--precision",
        "mixed_bfloat16",
    )
    assert done.returncode == 0, done.stderr
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}


def test_compiled_steps_are_compiled_and_as_repeatable_as_any(run_command, tmp_path):
    models = []
    for name in ("one", "other"):
        flags = ("--epochs", "1", "--jit", "--filters", "8", "--convolutions", "1")
        done = run_command("keras-train", "cnn", "--run", tmp_path / name, *flags)
        assert done.returncode == 0, done.stderr
        assert "jit_compile" not in done.stderr
        models.append(keras.saving.load_model(tmp_path / name / "model.keras"))
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_keras_of_another_backend_is_named_in_one_line(run_command, tmp_path):
    done = run_command(
        "keras-train",
        "cnn",
        "--run",
        tmp_path / "run",
        "--data",
        "nowhere",
        env={"KERAS_BACKEND": "jax"},
    )
    assert "Keras is set to the jax backend here; this program uses TensorFlow" in done.stderr
    assert done.returncode == 2


def test_early_stopping_gives_up_after_patience(run_command, tmp_path):
    done = run_command(
        "keras-train",
        "cnn",
        "--run",
        tmp_path / "run",
        "--epochs",
        "30",
        "--patience",
        "1",
        "--learning-rate",
        "1e-9",
        "--filters",
        "2",
        "--units",
        "0",
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\nepoch ") < 29


def test_a_loss_that_is_no_number_stops_the_run(run_command, tmp_path):
    done = run_command(
        "keras-train",
        "cnn",
        "--run",
        tmp_path / "run",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "1e30",
        "--no-normalization",
        "--average-decay",
        "0",
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "learning-rate" in done.stderr.splitlines()[-1]
