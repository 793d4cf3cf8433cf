"""The data sets by name, one line each; any other word is a folder of class folders."""

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_models.errors import BadInput
from train import class_folders
from train.images import ImageData, ImageSet, split

Arrays = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def load(
    name: str, *, reads: str = "images", image_size: int | None = None, skip_bad: bool = False
) -> ImageData:
    """Loads a data set by name, or from a folder.

    Args:
        name: one of `NAMED`, or the path of a folder with one sub-folder of images per class.
        reads: the kind of data that the family takes; `images` is the one there is.
        image_size: side of the square that a folder's images are resized to.
        skip_bad: leave a folder's unreadable files out instead of refusing.

    Raises:
        BadInput: there is no such data set or folder, or it cannot be used; says why.
    """
    if reads != "images":
        raise BadInput(f"no data set of the kind {reads!r} is known here")
    if name in NAMED:
        if image_size:
            raise BadInput(f"--image-size is for folders of images; {name} has its own size")
        return NAMED[name]()
    folder = Path(name)
    if folder.is_dir():
        return class_folders.load(folder, image_size=image_size, skip_bad=skip_bad)
    if folder.exists():
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
    return _with_test(_cached("mnist", keras.datasets.mnist, "mnist.npz"), [*"0123456789"])


def _fashion_mnist() -> ImageData:
    """70,000 pictures of clothes of 28 × 28 pixels (Xiao, Rasul and Vollgraf 2017)."""
    names = "t-shirt trouser pullover dress coat sandal shirt sneaker bag ankle-boot"
    arrays = _cached(
        "fashion_mnist",
        keras.datasets.fashion_mnist,
        "fashion-mnist/train-images-idx3-ubyte.gz and its three companions",
    )
    return _with_test(arrays, names.split())


def _cifar10() -> ImageData:
    """60,000 colour photographs of 32 × 32 pixels (Krizhevsky 2009)."""
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    arrays = _cached("cifar10", keras.datasets.cifar10, "cifar-10-batches-py-target.tar.gz")
    return _with_test(arrays, names.split())


def _cached(name: str, loader: Any, file: str) -> Arrays:
    """Loads through Keras' cache; its download bar and its tracebacks stay out of sight."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            arrays: Arrays = loader.load_data()
        except Exception as error:
            raise BadInput(_why_not(name, file, error)) from error
    return arrays


def _why_not(name: str, file: str, error: Exception) -> str:
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    place = Path(home) / "datasets" / file
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if Path(str(place).split(" and ")[0]).exists():
        return (
            f"the cached file of {name} is damaged, or could not be replaced: {place} ({reason}); "
            "delete it to download it again, or put a good copy there"
        )
    return (
        f"{name} could not be downloaded ({reason}); "
        f"on a machine without internet access put it there yourself: {place}"
    )


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
