"""`keras-train gan` as a person meets it: what a run leaves, and what it says of bad input."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import keras_models
from keras_models.errors import BadInput
from keras_models.training import GANTraining
from train import checkpoint, datasets, judges, settings

ROOT = Path(__file__).parent.parent.parent
FIGURES = {
    "frechet_distance",
    "frechet_floor",
    "precision",
    "recall",
    "density",
    "coverage",
    "class_accuracy",
    "classes_made",
    "smallest_class_share",
    "largest_class_share",
}


def test_a_run_is_measured_by_its_judge_on_images_that_nobody_saw(gan_run, digits_run):
    metrics = json.loads((gan_run / "metrics.json").read_text())
    own = {"coverage_floor", "nearest_training_distance", "nearest_training_distance_of_real"}
    assert set(metrics["test"]) >= FIGURES | own
    assert metrics["test"]["made_images"] == metrics["test"]["examples"] == 359
    assert metrics["test"]["frechet_floor"] < metrics["test"]["frechet_distance"]
    assert metrics["test"]["coverage_floor"] > 0.8
    assert str(digits_run) in metrics["how"]
    assert metrics["best_epoch"] in (4, 8)  # those that were measured
    config = json.loads((gan_run / "config.json").read_text())
    assert config["training"]["judge"] == str(digits_run)


def test_it_learns(gan_run):
    validation = events(gan_run / "logs" / "validation")
    points = validation.Tensors("epoch_frechet_distance")
    assert [point.step for point in points] == [4, 8]
    first, last = (float(tf.make_ndarray(point.tensor_proto)) for point in points)
    assert last < first


def events(folder):
    return EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()


def test_tensorboard_shows_both_networks_and_what_they_make(gan_run):
    both = {part: events(gan_run / "logs" / part).Tags() for part in ("train", "validation")}
    step = {
        f"epoch_{name}"
        for name in (
            *("discriminator_loss", "generator_loss", "probability_real", "probability_fake"),
            *("accuracy_real", "accuracy_fake"),
        )
    }
    norms = {"epoch_discriminator_gradient_norm", "epoch_generator_gradient_norm"}
    tags = {part: set(found["tensors"]) | set(found["scalars"]) for part, found in both.items()}
    assert tags["train"] >= step | norms
    assert tags["validation"] >= step | {f"epoch_{name}" for name in FIGURES}
    assert tags["validation"] >= {"made", "real", "walk", "nearest"}
    assert tags["validation"] >= {"probability/real", "probability/fake"}
    networks = {tag.split("/")[1] for tag in tags["validation"] if tag.startswith("weights/")}
    assert networks == {"generator", "discriminator"}
    assert any(tag.startswith("gradient_norm/") for tag in tags["validation"])


def test_an_animated_picture_keeps_how_the_grid_learned(gan_run):
    frames = sorted((gan_run / "samples" / "made").glob("*.png"))
    assert frames[0].name == "0001.png"
    assert frames[-1].name == "0008.png"
    with Image.open(gan_run / "samples" / "made.png") as picture:
        assert picture.is_animated
        assert picture.n_frames == len(frames) + 1  # and the still one
        last = np.asarray(picture.convert("RGB"))  # what programs show that know no animation
    with Image.open(frames[-1]) as frame:
        np.testing.assert_array_equal(last, np.asarray(frame.convert("RGB")))


FLAGS = ["--epochs", "3", "--latent", "8", "--generator-filters", "8", "--discriminator-filters"]
FLAGS += ["4", "8", "--steps-per-execution", "1", "--measure-every", "2"]


def start(run, *flags):
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "train", "gan", "--run", run, *flags],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def final_state(run):
    found = checkpoint.latest(run / "checkpoint")
    return found.step, {name: value.tobytes() for name, value in found.variables.items()}


@pytest.mark.slow
def test_a_stopped_run_goes_on_exactly_with_both_networks(digits_run, tmp_path):
    flags = [*FLAGS, "--judge", str(digits_run), "--augmentations", "translation"]
    undisturbed, stopped = tmp_path / "undisturbed", tmp_path / "stopped"
    process = start(undisturbed, *flags)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    process = start(stopped, *flags)
    for line in process.stderr:
        if line.startswith("epoch 1/"):
            break
    os.kill(process.pid, signal.SIGTERM)
    _, errors = process.communicate()
    assert process.returncode == 143, errors
    process = start(stopped, "--resume")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert final_state(stopped) == final_state(undisturbed)


def images_of(folder, count, side=8):
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (side, side), number).save(folder / name / f"{number}.png")
    return str(folder)


def test_data_with_one_image_are_refused(tmp_path):
    with pytest.raises(BadInput, match="class 'cats' has 1 image: at least 3 are needed"):
        datasets.load(images_of(tmp_path / "data", 1))


def test_data_too_few_to_measure_anything_on_are_refused(tmp_path):
    with pytest.raises(BadInput, match="needs more than 5 in each part"):
        judges.check(datasets.load(images_of(tmp_path / "data", 4)))


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("penalty_every", 0, "penalty_every must be at least 1"),
        ("measure_every", 0, "measure_every must be at least 1"),
        ("discriminator_rate", 0.0, "discriminator_rate must be above 0"),
        ("gradient_penalty", -1.0, "gradient_penalty must not be negative"),
        ("class_weight", -1.0, "class_weight must not be negative"),
    ],
)
def test_bad_settings_are_named(setting, value, says):
    with pytest.raises(ValueError, match=says):
        GANTraining(**{setting: value})


def test_the_most_accurate_classifier_of_the_same_data_beside_it_is_the_judge(digits_run, tmp_path):
    for name, accuracy in (("good", 0.9), ("better", 0.95), ("other", 0.99)):
        (tmp_path / name).mkdir()
        config = json.loads((digits_run / "config.json").read_text())
        if name == "other":
            config["data_fingerprint"] = "of other data"
        (tmp_path / name / "config.json").write_text(json.dumps(config))
        (tmp_path / name / "metrics.json").write_text(json.dumps({"test": {"accuracy": accuracy}}))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "metrics.json").write_text("{")
    run = judges.ImageRun(run=tmp_path / "gan")
    assert judges.find(run, datasets.load("digits")) == tmp_path / "better"


def test_a_run_of_something_else_is_no_judge(gan_run, digits_run):
    data = datasets.load("digits")
    with pytest.raises(BadInput, match="is no run of keras-train cnn"):
        judges.load(gan_run, data)
    assert judges.load(digits_run, data).classes == data.classes


def test_any_classifier_of_ours_judges_in_a_process_that_made_none(digits_run, tmp_path):
    """The residual network has layers and initializers of its own."""
    run = tmp_path / "residual"
    shutil.copytree(digits_run, run, ignore=shutil.ignore_patterns("checkpoint", "logs"))
    family, data = keras_models.get("cnn"), datasets.load("digits")
    config = dataclasses.replace(family.presets["cifar10"].model, filters=(8, 8))
    training = family.presets["cifar10"].training
    family.build(config, training, data.spec, 1).save(run / "model.keras")
    code = (
        "import sys; from pathlib import Path; from train import datasets, judges; "
        "print(judges.load(Path(sys.argv[1]), datasets.load('digits')).classes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, run], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "'7'" in done.stdout, done.stderr


def test_no_run_is_no_judge(tmp_path):
    with pytest.raises(BadInput, match="nowhere: there is no finished run of keras-train cnn"):
        judges.load(tmp_path / "nowhere", datasets.load("digits"))


def test_where_there_is_no_judge_nothing_is_left_of_the_run(run_command, tmp_path):
    run, judge = tmp_path / "run", tmp_path / "nowhere"
    done = run_command("keras-train", "gan", "--run", run, "--judge", judge)
    assert done.returncode == 2
    assert "nowhere: there is no finished run of keras-train cnn" in done.stderr
    assert not run.exists()


def test_a_judge_of_images_of_another_size_is_refused(digits_run, tmp_path):
    data = datasets.load(images_of(tmp_path / "data", 4, side=16))
    with pytest.raises(BadInput, match="judges images of 8 × 8 × 1, but these are 16 × 16 × 1"):
        judges.load(digits_run, data)


def test_help_says_what_every_preset_is(capsys):
    with pytest.raises(SystemExit):
        settings.parse(["gan", "--help"])
    shown = capsys.readouterr().out
    assert "keras-train gan --data digits" in shown
    for preset in keras_models.get("gan").presets:
        assert f"--preset {preset}:" in shown
