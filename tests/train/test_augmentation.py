"""Distortions do what their setting says, and nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from keras_models.training import Distortion
from train.augmentation import augment

SEED = tf.constant([7, 11], tf.int64)


@pytest.fixture(scope="module")
def photographs():
    return np.random.default_rng(0).integers(1, 256, (64, 12, 10, 3)).astype(np.uint8)


def distorted(images, seed=SEED, **settings):
    return augment(tf.constant(images), most=Distortion(**settings), seed=seed).numpy()


def test_nothing_set_changes_nothing(photographs):
    np.testing.assert_array_equal(distorted(photographs), photographs)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(photographs):
    settings = {"rotate": 15.0, "shift": 0.2, "scale": 0.1, "erase": 0.3}
    first = distorted(photographs, **settings)
    np.testing.assert_array_equal(first, distorted(photographs, **settings))
    assert not np.array_equal(
        first, distorted(photographs, tf.constant([7, 12], tf.int64), **settings)
    )


def test_flip_mirrors_about_half_of_the_images_exactly(photographs):
    made = distorted(photographs, flip=True)
    mirrored = photographs[:, :, ::-1]
    is_same = [np.array_equal(a, b) for a, b in zip(made, photographs, strict=True)]
    is_mirrored = [np.array_equal(a, b) for a, b in zip(made, mirrored, strict=True)]
    assert all(same or other for same, other in zip(is_same, is_mirrored, strict=True))
    assert 16 < sum(is_mirrored) < 48


def test_shift_moves_by_whole_pixels_at_most_its_share(photographs):
    made = distorted(photographs, shift=0.2)
    padded = np.pad(photographs, ((0, 0), (2, 2), (2, 2), (0, 0)), "symmetric")
    for one, source in zip(made, padded, strict=True):
        moved = [source[y : y + 12, x : x + 10] for y in range(5) for x in range(5)]
        assert any(np.array_equal(one, candidate) for candidate in moved)


def test_erase_blanks_one_square_of_its_size(photographs):
    made = distorted(photographs, erase=0.5)
    for one, source in zip(made, photographs, strict=True):
        blank = np.all(one == 0, axis=-1)
        assert 20 <= blank.sum() <= 42
        np.testing.assert_array_equal(one[~blank], source[~blank])


def test_a_rotated_image_keeps_its_middle():
    image = np.zeros((1, 21, 21, 1), np.uint8)
    image[0, 9:12, 9:12] = 200
    made = distorted(np.repeat(image, 32, axis=0), rotate=45.0)
    assert np.all(made[:, 10, 10, 0] > 190)


def test_scale_changes_height_and_width_apart():
    image = np.zeros((1, 41, 41, 1), np.uint8)
    image[0, 10:31, 10:31] = 255
    made = distorted(np.repeat(image, 64, axis=0), scale=0.3)[..., 0]
    heights, widths = (made[:, :, 20] > 127).sum(axis=1), (made[:, 20] > 127).sum(axis=1)
    for sides in (heights, widths):
        assert 14 <= sides.min() < 18 < 24 < sides.max() <= 28  # 21 pixels, 30 % either way
    assert np.any(np.abs(heights - widths) > 4)


def test_it_is_one_graph_for_every_batch_of_the_run(photographs):
    settings = Distortion(flip=True, rotate=5.0, scale=0.1, shift=0.1, erase=0.2)
    traced = tf.function(lambda images, seed: augment(images, most=settings, seed=seed))
    for step in range(3):
        seed = tf.constant([3, step], tf.int64)
        expected = augment(tf.constant(photographs), most=settings, seed=seed)
        # The graph's optimizer may reorder a sum, and so tip a value that is cut off to uint8.
        np.testing.assert_allclose(traced(tf.constant(photographs), seed), expected, atol=1)
    assert traced.experimental_get_tracing_count() == 1


def test_every_image_of_a_batch_is_distorted_in_its_own_way(photographs):
    same = np.repeat(photographs[:1], 16, axis=0)
    made = distorted(same, rotate=20.0)
    assert len({image.tobytes() for image in made}) == 16
