"""PNG and JPEG files on disk: their headers, and images that stay there until a batch needs them.

Decoding is `keras_models/image_bytes.py`'s inside `tf.data`, which runs it on all cores.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_models.image_bytes import decode_image_bytes

LARGEST_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded, as `serving/codecs.py` does."""
GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B")
BLOCK = 64
"""Images that come out of a decoding pass at once."""

Size = tuple[int, int, int]
"""Height, width, channels."""


class Unreadable(Exception):  # noqa: N818 (a finding about a file, not a failure of the program)
    """Says why a file is no image that can be used, in a few words."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of itself.

    Attributes:
        height, width: pixels.
        is_grey: it has no colours.
    """

    height: int
    width: int
    is_grey: bool


def read_header(path: Path) -> Header:
    """Reads how large an image is, without its pixels.

    Raises:
        Unreadable: it is no PNG or JPEG, too large, or not ours to read.
    """
    from PIL import Image, UnidentifiedImageError

    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            width, height, mode = image.width, image.height, image.mode
    except (UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise Unreadable("no PNG or JPEG") from error
    except bombs as error:
        raise Unreadable(f"more than {LARGEST_PIXELS:,} pixels") from error
    except OSError as error:
        raise Unreadable(error.strerror or "damaged") from error
    if width * height > LARGEST_PIXELS:
        raise Unreadable(f"more than {LARGEST_PIXELS:,} pixels")
    return Header(height=height, width=width, is_grey=mode in GREY_MODES)


def file_names(paths: list[Path]) -> np.ndarray:
    """Returns object [paths], the names in bytes: a file name need not be UTF-8."""
    return np.array([bytes(path) for path in paths], object)


def digest_of(path: Path) -> np.ndarray:
    """Returns uint8 [32], the SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    return np.frombuffer(hashlib.sha256(path.read_bytes()).digest(), np.uint8)


def decoded(names: np.ndarray, size: Size) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Decodes files in parallel, and passes over those that cannot be.

    Args:
        names: object [files], as `file_names` gives them.
        size: of every result.

    Yields:
        int64 [block], positions in `names`; uint8 [block, height, width, channels]. A position
        that never comes is that of a damaged file.
    """

    def decode(index: tf.Tensor, name: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return index, decode_image_bytes(tf.io.read_file(name), *size)

    files = tf.data.Dataset.from_tensor_slices(names).enumerate()
    images = files.map(decode, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
    yield from images.batch(BLOCK).prefetch(2).as_numpy_iterator()


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFiles:
    """Images that look like an array and are decoded when they are asked for.

    Attributes:
        names: object [images], the files, as `file_names` gives them.
        digests: uint8 [images, 32], the SHA-256 of each file.
        size: of every image.
    """

    names: np.ndarray
    digests: np.ndarray
    size: Size

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.names)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Images, height, width, channels."""
        return (len(self), *self.size)

    def __getitem__(self, part: slice) -> np.ndarray:
        """Decodes a range of the images: uint8 [images, height, width, channels]."""
        names = self.names[part]
        pixels = np.empty((len(names), *self.size), np.uint8)
        count = 0
        for indices, block in decoded(names, self.size):
            pixels[indices] = block
            count += len(indices)
        if count != len(names):
            raise OSError("image files changed or disappeared while they were in use")
        return pixels

    def take(self, indices: np.ndarray) -> "ImageFiles":
        """Returns the images at `indices`, in that order, still in their files."""
        return ImageFiles(names=self.names[indices], digests=self.digests[indices], size=self.size)

    def decode(self, names: tf.Tensor) -> tf.Tensor:
        """Decodes inside a graph: string [batch] → uint8 [batch, height, width, channels]."""
        return tf.map_fn(
            lambda name: decode_image_bytes(tf.io.read_file(name), *self.size),
            names,
            fn_output_signature=tf.TensorSpec(self.size, tf.uint8),
        )
