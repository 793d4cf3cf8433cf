"""Batches are pure functions of the seed and the step, so nothing is lost when a run is killed."""

import numpy as np
import pytest

from keras_models.family import Training
from train import datasets, pipeline


@pytest.fixture(scope="module")
def data():
    return datasets.load("digits")


DISTORTED = Training(
    epochs=2, batch_size=128, flip=True, shift=0.2, rotate=20, scale=0.2, erase=0.2
)


def test_a_run_resumed_at_any_step_sees_what_it_would_have_seen(data):
    whole = list(pipeline.training_batches(data, DISTORTED, seed=3).as_numpy_iterator())
    assert len(whole) == 2 * pipeline.steps_per_epoch(data.training, DISTORTED)
    for start in (1, 10, 11, 12, 21):
        resumed = pipeline.training_batches(data, DISTORTED, seed=3, start_step=start)
        images, labels = next(resumed.as_numpy_iterator())
        np.testing.assert_array_equal(images, whole[start][0])
        np.testing.assert_array_equal(labels, whole[start][1])


def test_each_epoch_has_its_own_order_and_shows_no_image_twice(data):
    plain = Training(epochs=2, batch_size=128)
    batches = list(pipeline.training_batches(data, plain, seed=0).as_numpy_iterator())
    steps = pipeline.steps_per_epoch(data.training, plain)
    epochs = [
        np.concatenate([images for images, _ in part])
        for part in (batches[:steps], batches[steps:])
    ]
    assert not np.array_equal(*epochs)
    own = {image.tobytes() for image in data.training.pixels}
    for epoch in epochs:
        shown = [image.tobytes() for image in epoch]
        assert set(shown) <= own
        assert len(set(shown)) > 0.99 * len(shown)  # the digits hold a few equal images


def test_another_seed_gives_another_order_and_other_distortions(data):
    first, second = (
        next(pipeline.training_batches(data, DISTORTED, seed=seed).as_numpy_iterator())[0]
        for seed in (0, 1)
    )
    assert not np.array_equal(first, second)


def test_evaluation_shows_every_image_once_in_order(data):
    batches = list(pipeline.evaluation_batches(data.test, 50).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), data.test.pixels)
    np.testing.assert_array_equal(np.concatenate([b[1] for b in batches]), data.test.labels)


def test_a_set_smaller_than_a_batch_is_one_batch(data):
    huge = Training(epochs=1, batch_size=5000)
    images, _ = next(pipeline.training_batches(data, huge, seed=0).as_numpy_iterator())
    assert len(images) == len(data.training)
