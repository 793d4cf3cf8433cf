"""Batches are pure functions of the seed and the step, so nothing is lost when a run is killed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_models.training import ClassifierTraining
from train import class_folders, datasets
from train import image_pipeline as pipeline

ROOT = Path(__file__).parents[2]
DISTORTED = ClassifierTraining(
    epochs=2, batch_size=128, flip=True, shift=0.2, rotate=20, scale=0.2, erase=0.2
)
PLAIN = ClassifierTraining(epochs=2, batch_size=128)


@pytest.fixture(scope="module")
def data():
    return datasets.load("digits")


@pytest.fixture
def filed(tmp_path, monkeypatch):
    """A set that is said not to fit in memory, and the same set in memory."""
    random = np.random.default_rng(0)
    for label, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        for index in range(20):
            pixels = random.integers(0, 150, (12, 10, 3)) + 100 * label
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name / f"{index}.png")
    held = class_folders.load(tmp_path, image_size=None, skip_bad=False)
    monkeypatch.setattr(class_folders, "LARGEST_BYTES", 0)
    return class_folders.load(tmp_path, image_size=None, skip_bad=False), held


def batches(data, training, **choices):
    return list(pipeline.training_batches(data, training, **choices).as_numpy_iterator())


@pytest.mark.parametrize("training", [PLAIN, DISTORTED], ids=["plain", "distorted"])
def test_a_run_resumed_at_any_step_sees_what_it_would_have_seen(data, training):
    steps = pipeline.steps_per_epoch(data, training)
    whole = batches(data, training, seed=3)
    assert len(whole) == 2 * steps
    for start in (1, steps - 1, steps, steps + 1, 2 * steps - 1):
        resumed = batches(data, training, seed=3, start_step=start)
        assert len(resumed) == len(whole) - start
        for ours, theirs in zip(resumed, whole[start:], strict=True):
            np.testing.assert_array_equal(ours[0], theirs[0])
            np.testing.assert_array_equal(ours[1], theirs[1])


def test_a_run_that_is_over_has_no_more_batches(data):
    steps = pipeline.steps_per_epoch(data, PLAIN)
    assert batches(data, PLAIN, seed=0, start_step=2 * steps) == []


def test_each_epoch_has_its_own_order_and_shows_no_image_twice(data):
    steps = pipeline.steps_per_epoch(data, PLAIN)
    shown = batches(data, PLAIN, seed=0)
    epochs = [
        np.concatenate([images for images, _ in part]) for part in (shown[:steps], shown[steps:])
    ]
    assert not np.array_equal(*epochs)
    own = {image.tobytes() for image in data.training.pixels}
    for epoch in epochs:
        images = [image.tobytes() for image in epoch]
        assert set(images) <= own
        assert len(set(images)) > 0.99 * len(images)  # the digits hold a few equal images


def test_every_image_keeps_its_label(data):
    answers = dict(
        zip((i.tobytes() for i in data.training.pixels), data.training.labels, strict=True)
    )
    for images, labels in batches(data, PLAIN, seed=5):
        assert [answers[image.tobytes()] for image in images] == list(labels)


def test_another_seed_gives_another_order_and_other_distortions(data):
    first, second = (
        next(pipeline.training_batches(data, DISTORTED, seed=seed).as_numpy_iterator())[0]
        for seed in (0, 1)
    )
    assert not np.array_equal(first, second)


def test_all_batches_have_one_shape_and_stay_whole_numbers(data):
    images, labels = pipeline.training_batches(data, DISTORTED, seed=0).element_spec
    assert tuple(images.shape) == (128, 8, 8, 1)
    assert images.dtype == "uint8"
    assert labels.dtype == "int64"


def test_evaluation_shows_every_image_once_in_order(data):
    batched = pipeline.validation_batches(data, ClassifierTraining(batch_size=50))
    images, labels = zip(*batched.as_numpy_iterator(), strict=True)
    np.testing.assert_array_equal(np.concatenate(images), data.validation.pixels)
    np.testing.assert_array_equal(np.concatenate(labels), data.validation.labels)


def test_a_set_smaller_than_a_batch_is_one_batch(data):
    huge = ClassifierTraining(epochs=1, batch_size=5000)
    images, _ = next(pipeline.training_batches(data, huge, seed=0).as_numpy_iterator())
    assert len(images) == len(data.training)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units there")
def test_the_images_are_not_copied_into_the_graph(tmp_path):
    """In a process of its own: the most memory that it ever took is what counts."""
    program = tmp_path / "peak.py"
    program.write_text(PEAK)
    done = subprocess.run([sys.executable, program, ROOT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.5


PEAK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from keras_models.training import ClassifierTraining
from train import image_pipeline as pipeline
from train.images import ImageSet, split

pixels = np.ones((8000, 128, 128, 3), np.uint8)
data = split(ImageSet(pixels=pixels, labels=np.arange(8000) % 2), "ab")
pipeline._resident(data.training.pixels)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
batches = pipeline.training_batches(data, ClassifierTraining(batch_size=32), seed=0)
next(iter(batches))
growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
print(growth * 1024 / data.training.pixels.nbytes)
"""


def test_a_set_too_large_for_memory_gives_the_same_batches_from_its_files(filed):
    in_files, in_memory = filed
    assert not isinstance(in_files.training.pixels, np.ndarray)
    training = ClassifierTraining(epochs=2, batch_size=8, flip=True, shift=0.1)
    for ours, theirs in zip(
        batches(in_files, training, seed=1), batches(in_memory, training, seed=1), strict=True
    ):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    ours, theirs = in_files.test_examples(), in_memory.test_examples()
    np.testing.assert_array_equal(ours.inputs["image"][:100], theirs.inputs["image"])
    np.testing.assert_array_equal(in_files.spec.sample, in_memory.spec.sample)
