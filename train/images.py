"""Labelled images, and their fixed split into training, validation and test parts.

The split depends on the data alone, never on a run's seed: two runs on the same data are judged
by the same images, and the test part stays unseen by both.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from keras_models.data_spec import ImageSpec
from keras_models.errors import BadInput
from keras_models.family import Examples
from train.image_files import ImageFiles

VALIDATION_SHARE = 0.1
LARGEST_VALIDATION = 2500
"""More would cost training images and tell no more: its standard error is below 0.5 % then."""
TEST_SHARE = 0.2
"""A tenth of a small set would leave too few to tell 98 % from 99 %."""
SAMPLE_IMAGES = 5000
SAMPLE_BYTES = 2**26
"""What initialisations may look at: so many images, or fewer if they are large."""
SPLIT_SEED = 20120413


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images with their labels.

    Attributes:
        pixels: uint8 [images, height, width, channels], in memory or left in their files.
        labels: int64 [images], indices into the class names.
    """

    pixels: np.ndarray | ImageFiles
    labels: np.ndarray

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "ImageSet":
        """Returns the images at `indices`, in that order."""
        pixels = self.pixels
        taken = pixels.take(indices) if isinstance(pixels, ImageFiles) else pixels[indices]
        return ImageSet(pixels=taken, labels=self.labels[indices])


@dataclass(frozen=True, kw_only=True)
class ImageData:
    """A data set, split.

    Attributes:
        training, validation, test: no image is in two of them.
        classes: names; labels are indices into them.
        fingerprint: SHA-256 of all pixels (or files), labels and names, in hexadecimal.
        skipped: files that could not be read and were left out on request.
    """

    training: ImageSet
    validation: ImageSet
    test: ImageSet
    classes: tuple[str, ...]
    fingerprint: str
    skipped: int = 0

    @cached_property
    def spec(self) -> ImageSpec:
        """What a model must know of the images."""
        height, width, channels = self.training.pixels.shape[1:]
        samples = min(SAMPLE_IMAGES, max(1, SAMPLE_BYTES // (height * width * channels)))
        return ImageSpec(
            height=height,
            width=width,
            channels=channels,
            classes=self.classes,
            sample=self.training.pixels[:samples],
        )

    @property
    def sizes(self) -> dict[str, int]:
        """Images in each part."""
        parts = {"training": self.training, "validation": self.validation, "test": self.test}
        return {name: len(part) for name, part in parts.items()}

    @property
    def summary(self) -> str:
        """Counts and sizes, for people."""
        left_out = f", {self.skipped} unreadable files left out" if self.skipped else ""
        return (
            f"{len(self.training)} images to train on, {len(self.validation)} to validate, "
            f"{len(self.test)} to test, {len(self.classes)} classes, "
            f"{self.spec.width} × {self.spec.height} × {self.spec.channels}{left_out}"
        )

    def examples(self, count: int = 512) -> Examples[ImageSpec]:
        """Returns the first `count` validation images with their answers."""
        return Examples(
            inputs={"image": self.validation.pixels[:count]},
            answers=self.validation.labels[:count],
            spec=self.spec,
        )

    def validation_examples(self) -> Examples[ImageSpec]:
        """Returns all validation images with their answers."""
        return self.examples(len(self.validation))

    def test_examples(self) -> Examples[ImageSpec]:
        """Returns all test images with their answers; those in files are decoded when sliced."""
        pixels = cast(np.ndarray, self.test.pixels)
        return Examples(inputs={"image": pixels}, answers=self.test.labels, spec=self.spec)


def split(
    images: ImageSet, classes: Iterable[str], *, test: ImageSet | None = None, skipped: int = 0
) -> ImageData:
    """Splits a data set: the same parts whenever the data are the same.

    Args:
        images: all of them, or the training part where `test` is given.
        classes: the class names.
        test: the set's own test part, kept as it is; else a fifth of each class is set aside.
        skipped: how many files were left out.

    Raises:
        BadInput: a class is too small to be in every part.
    """
    classes = tuple(classes)
    _check_classes(images, classes, needed=2 if test is not None else 3)
    fingerprint = _fingerprint(images, test, classes)
    if test is None:
        rest, held_out = _divide(images, TEST_SHARE)
        images, test = images.take(rest), images.take(held_out)
    share = min(VALIDATION_SHARE, LARGEST_VALIDATION / len(images))
    training, validation = _divide(images, share)
    return ImageData(
        training=images.take(training),
        validation=images.take(validation),
        test=test,
        classes=classes,
        fingerprint=fingerprint,
        skipped=skipped,
    )


def _check_classes(images: ImageSet, classes: tuple[str, ...], needed: int) -> None:
    for name, count in zip(
        classes, np.bincount(images.labels, minlength=len(classes)), strict=True
    ):
        if count < needed:
            raise BadInput(
                f"class {name!r} has {count} image{'' if count == 1 else 's'}: at least {needed} "
                "are needed to train on some and hold others back"
            )


def _divide(images: ImageSet, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the large and of the small part, both shuffled; each class gives its share."""
    random = np.random.default_rng(SPLIT_SEED)
    large, small = [], []
    for label in np.unique(images.labels):
        members = random.permutation(np.flatnonzero(images.labels == label))
        count = max(1, round(len(members) * share))
        small.append(members[:count])
        large.append(members[count:])
    return random.permutation(np.concatenate(large)), random.permutation(np.concatenate(small))


def _fingerprint(images: ImageSet, test: ImageSet | None, classes: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\0".join(classes).encode())
    for part in (images, test):
        if part is not None:
            digest.update(str(part.pixels.shape).encode())
            digest.update(_content(part.pixels).data)
            digest.update(np.ascontiguousarray(part.labels).data)
    return digest.hexdigest()


def _content(pixels: np.ndarray | ImageFiles) -> np.ndarray:
    return pixels.digests if isinstance(pixels, ImageFiles) else np.ascontiguousarray(pixels)
