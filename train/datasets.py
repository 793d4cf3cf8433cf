"""The data sets by name, one line each; any other word is a folder of class folders."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_models.errors import BadInput
from train import class_folders
from train.images import ImageData, ImageSet, split
from train.keras_cache import cached

Arrays = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def load(name: str, *, image_size: int | None = None, skip_bad: bool = False) -> ImageData:
    """Loads a data set by name, or from a folder.

    Args:
        name: one of `NAMED`, or the path of a folder with one sub-folder of images per class.
        image_size: side of the square that a folder's images are resized to.
        skip_bad: leave a folder's unreadable files out instead of refusing.

    Raises:
        BadInput: there is no such data set or folder, or it cannot be used; says why.
    """
    if name in NAMED:
        if image_size:
            raise BadInput(f"--image-size is for folders of images; {name} has its own size")
        return NAMED[name]()
    folder = Path(name)
    if name and os.path.isdir(folder):
        return class_folders.load(folder, image_size=image_size, skip_bad=skip_bad)
    if os.path.isfile(folder):
        raise BadInput(f"{name} is a file: --data takes a folder with one sub-folder per class")
    raise BadInput(
        f"there is no data set or folder {name!r}: choose {', '.join(NAMED)}, or name a folder "
        "with one sub-folder of PNG or JPEG images per class"
    )


def _digits() -> ImageData:
    """1,797 handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak 1998), part of scikit-learn."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    images = ImageSet(pixels=pixels, labels=digits.target.astype(np.int64))
    return split(images, [str(name) for name in digits.target_names])


def _mnist() -> ImageData:
    """70,000 handwritten digits of 28 × 28 pixels (LeCun, Cortes and Burges)."""
    arrays = _arrays("mnist", keras.datasets.mnist, ["mnist.npz"])
    return _with_test(arrays, [*"0123456789"])


def _fashion_mnist() -> ImageData:
    """70,000 pictures of clothes of 28 × 28 pixels (Xiao, Rasul and Vollgraf 2017)."""
    names = "t-shirt trouser pullover dress coat sandal shirt sneaker bag ankle-boot"
    files = [
        f"fashion-mnist/{part}.gz"
        for part in (
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
            "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte",
        )
    ]
    return _with_test(_arrays("fashion_mnist", keras.datasets.fashion_mnist, files), names.split())


def _cifar10() -> ImageData:
    """60,000 colour photographs of 32 × 32 pixels (Krizhevsky 2009)."""
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    # So Keras calls its copy of cifar-10-python.tar.gz.
    files = ["cifar-10-batches-py-target_archive"]
    return _with_test(_arrays("cifar10", keras.datasets.cifar10, files), names.split())


def _arrays(name: str, loader: Any, files: Sequence[str]) -> Arrays:
    def load() -> Arrays:
        arrays: Arrays = loader.load_data()
        _check(arrays)
        return arrays

    return cached(name, load, files)


def _check(arrays: Arrays) -> None:
    """The checks that Keras' loaders leave out where they know no hash."""
    for pixels, labels in arrays:
        if len(pixels) != len(labels) or not len(labels):
            raise ValueError(f"{len(pixels)} images, but {len(labels)} labels")
        if labels.max() > 9:
            raise ValueError(f"a label {labels.max()} among the ten classes 0 to 9")


def _with_test(arrays: Arrays, classes: list[str]) -> ImageData:
    training, test = (
        ImageSet(
            pixels=pixels.reshape(*pixels.shape[:3], -1),
            labels=labels.reshape(-1).astype(np.int64),
        )
        for pixels, labels in arrays
    )
    return split(training, classes, test=test)


NAMED: dict[str, Callable[[], ImageData]] = {
    "digits": _digits,
    "mnist": _mnist,
    "fashion_mnist": _fashion_mnist,
    "cifar10": _cifar10,
}
