"""Splits are fixed, disjoint and stratified; unusable data are refused in one line."""

import numpy as np
import pytest

from keras_models.errors import BadInput
from train import datasets
from train.images import ImageSet, split


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
        ([9], "a", "only one class, 'a'"),
        ([9, 2], "ab", "class 'b' has 2 images"),
        ([9, 0], "ab", "class 'b' has 0 images"),
    ],
)
def test_data_that_no_classifier_can_learn_from_are_refused(counts, names, says):
    with pytest.raises(BadInput, match=says):
        split(made(counts), names)


def test_a_sets_own_test_part_is_kept_as_it_is():
    test = made([5, 5])
    data = split(made([20, 20]), "ab", test=test)
    np.testing.assert_array_equal(data.test.pixels, test.pixels)
