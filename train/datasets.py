"""The data sets by name, one line each; any other word is a folder of class folders."""

import contextlib
import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_models.errors import BadInput
from train import class_folders
from train.images import ImageData, ImageSet, split

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
    arrays = _cached("mnist", keras.datasets.mnist, ["mnist.npz"])
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
    return _with_test(_cached("fashion_mnist", keras.datasets.fashion_mnist, files), names.split())


def _cifar10() -> ImageData:
    """60,000 colour photographs of 32 × 32 pixels (Krizhevsky 2009)."""
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    # So Keras calls its copy of cifar-10-python.tar.gz.
    files = ["cifar-10-batches-py-target_archive"]
    return _with_test(_cached("cifar10", keras.datasets.cifar10, files), names.split())


def _cached(name: str, loader: Any, files: Sequence[str]) -> Arrays:
    """Loads through Keras' cache; its download bar and its tracebacks stay out of sight."""
    cache = _cache()
    places = [cache / file for file in files]
    absent = [place for place in places if not place.exists()]
    if absent:
        sys.stderr.write(f"{name} is not in {cache} yet: downloading it\n")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            arrays: Arrays = loader.load_data()
            _check(arrays)
        except Exception as error:  # damaged archives raise whatever their reader stumbles over
            raise BadInput(_why_not(name, places, absent, error)) from error
    return arrays


def _cache() -> Path:
    """The folder of data sets that Keras' loaders use: `KERAS_HOME`, or one that can be written."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    if not os.access(home, os.W_OK):
        home = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir(), ".keras")
    return home / "datasets"


def _check(arrays: Arrays) -> None:
    """The checks that Keras' loaders leave out where they know no hash."""
    for pixels, labels in arrays:
        if len(pixels) != len(labels) or not len(labels):
            raise ValueError(f"{len(pixels)} images, but {len(labels)} labels")
        if labels.max() > 9:
            raise ValueError(f"a label {labels.max()} among the ten classes 0 to 9")


def _why_not(name: str, places: list[Path], absent: list[Path], error: Exception) -> str:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if absent:
        listed = " and ".join(str(place) for place in absent)
        return (
            f"{name} could not be downloaded ({reason}); on a machine without internet access "
            f"put it there yourself: {listed}"
        )
    # Keras fetches a file whose hash is wrong anew, and deletes it when it cannot.
    damaged = [place for place in places if _is_damaged(place)] or places
    listed = " or ".join(str(place) for place in damaged)
    return (
        f"the cached file {listed} is damaged ({reason}): put a good copy there, or delete it "
        "and have it downloaded again on a machine with internet access"
    )


def _is_damaged(place: Path) -> bool:
    if not place.exists():
        return True
    if place.suffix != ".gz":
        return False
    try:
        with gzip.open(place) as file:
            while file.read(2**20):
                pass
    except (OSError, EOFError, zlib.error):
        return True
    return False


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
