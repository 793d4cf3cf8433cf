"""Splits are fixed, disjoint and stratified; unusable data are refused in one line."""

import numpy as np
import pytest

from keras_models.errors import BadInput
from train import datasets
from train.images import LARGEST_VALIDATION, TEST_SHARE, ImageSet, split


def made(counts):
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    pixels = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 4, 4, 1), np.uint8
    )
    return ImageSet(pixels=pixels, labels=labels)


def test_no_image_is_in_two_parts_and_none_is_lost():
    data = split(made([50, 30, 20]), "abc")
    parts = [set(part.pixels[:, 0, 0, 0]) for part in (data.training, data.validation, data.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 100


def test_every_class_is_in_every_part():
    data = split(made([50, 30, 3]), "abc")
    for part in (data.training, data.validation, data.test):
        assert set(part.labels) == {0, 1, 2}


def test_the_split_and_the_fingerprint_depend_on_the_data_alone():
    first, second = datasets.load("digits"), datasets.load("digits")
    np.testing.assert_array_equal(first.test.pixels, second.test.pixels)
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint != split(made([9, 9]), "ab").fingerprint


@pytest.mark.parametrize(
    ("counts", "names", "says"),
    [
        ([9, 2], "ab", "class 'b' has 2 images"),
        ([9, 0], "ab", "class 'b' has 0 images"),
    ],
)
def test_a_class_too_small_to_be_in_every_part_is_refused(counts, names, says):
    with pytest.raises(BadInput, match=says):
        split(made(counts), names)


def test_a_sets_own_test_part_is_kept_as_it_is():
    test = made([5, 5])
    data = split(made([20, 20]), "ab", test=test)
    np.testing.assert_array_equal(data.test.pixels, test.pixels)


def test_every_class_gives_the_same_share_to_each_part():
    data = split(made([100, 50]), "ab")
    for part, share in ((data.test, TEST_SHARE), (data.validation, 0.1 * (1 - TEST_SHARE))):
        np.testing.assert_allclose(np.bincount(part.labels), [100 * share, 50 * share], atol=1)


def test_validation_takes_no_more_images_than_tell_something():
    data = split(made([30_000, 30_000]), "ab", test=made([5, 5]))
    assert len(data.validation) == LARGEST_VALIDATION


@pytest.mark.parametrize(
    "other",
    [
        split(made([9, 10]), "ab"),
        split(made([10, 10]), "ac"),
        split(ImageSet(pixels=255 - made([10, 10]).pixels, labels=made([10, 10]).labels), "ab"),
        split(made([10, 10]), "ab", test=made([2, 2])),
    ],
    ids=["another label", "another name", "other pixels", "another division"],
)
def test_other_data_have_another_fingerprint(other):
    assert other.fingerprint != split(made([10, 10]), "ab").fingerprint


def test_examples_are_validation_images_with_their_answers():
    data = split(made([50, 50]), "ab")
    examples = data.examples(3)
    np.testing.assert_array_equal(examples.inputs["image"], data.validation.pixels[:3])
    np.testing.assert_array_equal(examples.answers, data.validation.labels[:3])
