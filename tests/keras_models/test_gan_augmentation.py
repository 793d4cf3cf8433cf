"""What the discriminator sees distorted: each image its own way, with gradients to the pixels."""

import numpy as np
import pytest
import tensorflow as tf

from keras_models.gan_augmentation import AUGMENTATIONS, augment

SEED = tf.constant([5, 9], tf.int64)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return tf.constant(random.uniform(-1, 1, (40, 16, 16, 3)).astype(np.float32))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_seed_decides_and_the_gradient_reaches_the_pixels(images, name):
    once, again = (augment(images, [name], SEED) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert np.any(once != augment(images, [name], SEED + 1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        seen = tf.reduce_sum(augment(images, [name], SEED))
    assert np.count_nonzero(tape.gradient(seen, images)) > 0


def test_nothing_named_changes_nothing(images):
    np.testing.assert_array_equal(augment(images, (), SEED), images)


def test_translations_move_whole_images_by_up_to_an_eighth_onto_black(images):
    moved = augment(images, ["translation"], SEED).numpy()
    found = set()
    for before, after in zip(images.numpy(), moved, strict=True):
        padded = np.pad(before, [(2, 2), (2, 2), (0, 0)], constant_values=-1)
        fits = [
            (down, right)
            for down in range(5)
            for right in range(5)
            if np.array_equal(padded[down : down + 16, right : right + 16], after)
        ]
        assert len(fits) == 1
        found.update(fits)
    assert len(found) > 15


def test_a_cut_out_square_is_half_a_side_wide_at_most(images):
    cut = augment(images, ["cutout"], SEED).numpy()
    for blank in np.all(cut == 0, axis=3):
        rows, columns = blank.any(axis=1).sum(), blank.any(axis=0).sum()
        assert 4 <= rows <= 8
        assert 4 <= columns <= 8
        assert blank.sum() == rows * columns


def test_colours_change_but_not_the_scene(images):
    changed = augment(images, ["color"], SEED).numpy()
    for before, after in zip(images.numpy(), changed, strict=True):
        grey = np.corrcoef(before.mean(axis=2).ravel(), after.mean(axis=2).ravel())[0, 1]
        assert grey > 0.99
