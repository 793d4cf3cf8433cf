"""A folder with one sub-folder of PNG and JPEG files per class, decoded into memory.

Every file is read once before training begins, in parallel: a damaged one is named now, not
after an hour.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_models.errors import BadInput
from keras_models.image_bytes import decode_image_bytes
from train.images import ImageData, ImageSet, split

SUFFIXES = (".png", ".jpg", ".jpeg")
LARGEST_BYTES = 8 * 2**30
"""Decoded pixels that are still held in memory."""
NAMED = 3
"""How many files an error names before it only counts."""
DECODERS = 8


@dataclass(frozen=True)
class _File:
    path: Path
    label: int


def load(folder: Path, *, image_size: int | None, skip_bad: bool) -> ImageData:
    """Reads a folder of class folders, or one with `train/` and `test/` that hold them.

    Args:
        folder: as the person gave it.
        image_size: side of the square that images are cropped and resized to; None where all
            have one size already.
        skip_bad: leave out files that cannot be read, and count them, instead of refusing.

    Raises:
        BadInput: no classes, no images, differing sizes without `image_size`, unreadable files.
    """
    parts = [folder / "train", folder / "test"]
    if not all(part.is_dir() for part in parts):
        parts = [folder]
    classes = _class_names(parts[0])
    files = [_files(part, classes) for part in parts]
    everything = [file for part in files for file in part]
    size = (image_size, image_size) if image_size else _common_size(everything, skip_bad)
    channels = 1 if all(_is_grey(file.path) for file in everything) else 3
    _check_memory(len(everything), size, channels)
    sets, bad = [], []
    for part in files:
        images, unreadable = _decode(part, (*size, channels))
        sets.append(images)
        bad.extend(unreadable)
    _judge_bad(bad, skip_bad)
    test = sets[1] if len(sets) == 2 else None
    return split(sets[0], classes, test=test, skipped=len(bad))


def _class_names(folder: Path) -> list[str]:
    try:
        names = sorted(
            child.name
            for child in folder.iterdir()
            if child.is_dir() and not child.name.startswith(".")
        )
    except OSError as error:
        raise BadInput(f"cannot read {folder}: {error.strerror}") from error
    if not names:
        raise BadInput(
            f"{folder} has no class folders: put the images of each class into a folder of its own,"
            f" {folder}/cat/1.png, {folder}/dog/1.png, …"
        )
    return names


def _files(folder: Path, classes: Sequence[str]) -> list[_File]:
    found: list[_File] = []
    for label, name in enumerate(classes):
        inside = folder / name
        members = sorted(inside.iterdir()) if inside.is_dir() else []
        images = [path for path in members if path.suffix.lower() in SUFFIXES and path.is_file()]
        if not images:
            raise BadInput(
                f"{inside} has no images: PNG and JPEG files are read ({', '.join(SUFFIXES)})"
            )
        found.extend(_File(path, label) for path in images if not path.name.startswith("."))
    return found


def _header(path: Path) -> tuple[tuple[int, int], str] | None:
    """Height and width, and Pillow's mode; None where the header is no image's."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            return (image.height, image.width), image.mode
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError):
        return None


def _is_grey(path: Path) -> bool:
    header = _header(path)
    return header is None or header[1] in ("1", "L", "LA", "I", "I;16")


def _common_size(files: Sequence[_File], skip_bad: bool) -> tuple[int, int]:
    first: tuple[Path, tuple[int, int]] | None = None
    for file in files:
        header = _header(file.path)
        if header is None:
            if not skip_bad:
                _judge_bad([file.path], skip_bad)
            continue
        if first is None:
            first = (file.path, header[0])
        elif header[0] != first[1]:
            raise BadInput(
                f"the images differ in size ({first[0]} is {first[1][1]} × {first[1][0]}, "
                f"{file.path} is {header[0][1]} × {header[0][0]} pixels): "
                "say what to make of them with --image-size, for example --image-size 64"
            )
    if first is None:
        raise BadInput(f"none of the {len(files)} files is a readable PNG or JPEG")
    return first[1]


def _check_memory(count: int, size: tuple[int, int], channels: int) -> None:
    needed = count * size[0] * size[1] * channels
    if needed > LARGEST_BYTES:
        raise BadInput(
            f"{count} images of {size[1]} × {size[0]} pixels take {needed / 2**30:.1f} GiB of "
            f"memory, more than {LARGEST_BYTES / 2**30:.0f}: use a smaller --image-size"
        )


def _decode(files: Sequence[_File], shape: tuple[int, int, int]) -> tuple[ImageSet, list[Path]]:
    pixels = np.empty((len(files), *shape), np.uint8)
    readable = np.ones(len(files), bool)

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])  # type: ignore[untyped-decorator]
    def read(path: tf.Tensor) -> tf.Tensor:
        return decode_image_bytes(tf.io.read_file(path), *shape)

    decoded = read.get_concrete_function()

    def decode(index: int) -> None:
        try:
            pixels[index] = decoded(tf.constant(str(files[index].path))).numpy()
        except tf.errors.OpError:
            readable[index] = False

    with ThreadPoolExecutor(DECODERS) as pool:
        for done, _ in enumerate(pool.map(decode, range(len(files))), start=1):
            _show_progress(done, len(files))
    labels = np.array([file.label for file in files], np.int64)
    bad = [file.path for file, is_good in zip(files, readable, strict=True) if not is_good]
    return ImageSet(pixels=pixels[readable], labels=labels[readable]), bad


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty() and (done % 100 == 0 or done == total):
        end = "\n" if done == total else ""
        sys.stderr.write(f"\rdecoding images: {done} of {total}{end}")
        sys.stderr.flush()


def _judge_bad(bad: Sequence[Path], skip_bad: bool) -> None:
    if bad and not skip_bad:
        named = ", ".join(str(path) for path in bad[:NAMED])
        more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        raise BadInput(
            f"cannot read {named}{more}: no PNG or JPEG, or a damaged one; "
            "mend or remove it, or go on without with --skip-bad"
        )
