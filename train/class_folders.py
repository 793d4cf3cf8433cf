"""A folder with one sub-folder of PNG and JPEG files per class.

Every file is decoded once before training begins, in parallel: a damaged one is named now, not
after an hour. The pixels are kept where they fit in memory; else the files are decoded anew for
each batch (`image_files.py`).
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_models.errors import BadInput
from train.image_files import (
    Header,
    ImageFiles,
    Size,
    Unreadable,
    decoded,
    digest_of,
    file_names,
    read_header,
)
from train.images import ImageData, ImageSet, split
from train.progress import Progress, in_parallel

SUFFIXES = (".png", ".jpg", ".jpeg")
LARGEST_BYTES = 2 * 2**30
"""Decoded pixels that are still held in memory."""
LARGEST_SIDE = 4096
NAMED = 3
"""How many files an error names before it only counts."""


@dataclass(frozen=True)
class _File:
    path: Path
    label: int


@dataclass(frozen=True)
class _BadFile:
    path: Path
    reason: str


def load(folder: Path, *, image_size: int | None, skip_bad: bool) -> ImageData:
    """Reads a folder of class folders, or one with `train/` (and `test/`) that hold them.

    Args:
        folder: as the person gave it.
        image_size: side of the square that images are cropped and resized to; None where all
            have one size already.
        skip_bad: leave out files that cannot be read, and count them, instead of refusing.

    Raises:
        BadInput: no classes, no images, differing sizes without `image_size`, unreadable files.
    """
    if image_size is not None and not 1 <= image_size <= LARGEST_SIDE:
        raise BadInput(
            f"--image-size {image_size}: the side of an image is 1 to {LARGEST_SIDE} pixels"
        )
    try:
        classes, parts = _find(folder)
    except OSError as error:
        raise BadInput(f"cannot read {error.filename or folder}: {error.strerror}") from error
    found = [file for part in parts for file in part]
    headers, bad = _headers(found)
    if not headers:
        raise _refusal(bad, len(found), is_skipping=skip_bad)
    size = _size(headers, image_size)
    in_memory = len(headers) * size[0] * size[1] * size[2] <= LARGEST_BYTES
    read = _in_memory if in_memory else _in_files
    sets = []
    for part in parts:
        images, damaged = read([file for file in part if file.path in headers], size)
        sets.append(images)
        bad.extend(damaged)
    if bad and not skip_bad:
        raise _refusal(bad, len(found), is_skipping=False)
    test = sets[1] if len(sets) == 2 else None
    return split(sets[0], classes, test=test, skipped=len(bad))


def _find(folder: Path) -> tuple[list[str], list[list[_File]]]:
    """The class names, and the files of all images: of one part, or of training and test."""
    parts = [folder / "train", folder / "test"]
    if not _folders(parts[0]):
        parts = [folder]
    elif not _folders(parts[1]):
        parts = parts[:1]
    if parts[0] != folder:
        _note_unused(folder, [part.name for part in parts])
    classes = _class_names(parts[0])
    if len(parts) == 2:
        _check_test_classes(parts[1], classes)
    return classes, [_files(part, classes) for part in parts]


def _folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    children = (child for child in folder.iterdir() if not child.name.startswith("."))
    return sorted(child.name for child in children if child.is_dir())


def _note_unused(folder: Path, used: Sequence[str]) -> None:
    unused = [name for name in _folders(folder) if name not in used]
    if unused:
        sys.stderr.write(
            f"note: {folder} has {' and '.join(used)}, so {', '.join(unused)} beside them is not "
            "used; validation images are set aside from train\n"
        )


def _class_names(folder: Path) -> list[str]:
    names = _folders(folder)
    for name in names:
        if not name.isprintable():
            raise BadInput(f"{folder} has a class folder named {name!r}: give it a readable name")
    if not names:
        raise BadInput(
            f"{folder} has no class folders: put the images of each class into a folder of its own,"
            f" {folder}/cat/1.png, {folder}/dog/1.png, …"
        )
    return names


def _check_test_classes(test: Path, classes: Sequence[str]) -> None:
    unknown = [name for name in _folders(test) if name not in classes]
    if unknown:
        raise BadInput(
            f"{test / unknown[0]} is a class that {test.parent / 'train'} does not have: "
            "a model cannot be tested on what it never saw"
        )


def _files(folder: Path, classes: Sequence[str]) -> list[_File]:
    found: list[_File] = []
    others: list[Path] = []
    for label, name in enumerate(classes):
        inside = folder / name
        members = sorted(inside.iterdir()) if inside.is_dir() else []
        visible = [path for path in members if not path.name.startswith(".")]
        images = [path for path in visible if path.suffix.lower() in SUFFIXES and path.is_file()]
        if not images:
            raise BadInput(
                f"{inside} has no images: PNG and JPEG files are read ({', '.join(SUFFIXES)})"
            )
        found.extend(_File(path, label) for path in images)
        others.extend(sorted(set(visible) - set(images)))
    if others:
        sys.stderr.write(
            f"note: {len(others)} other files or folders in {folder} are not read, "
            f"{others[0]} for one\n"
        )
    return found


def _headers(files: Sequence[_File]) -> tuple[dict[Path, Header], list[_BadFile]]:
    def read(file: _File) -> Header | _BadFile:
        try:
            return read_header(file.path)
        except Unreadable as error:
            return _BadFile(file.path, str(error))

    headers, bad = {}, []
    for file, answer in zip(files, in_parallel(read, files, "reading headers"), strict=True):
        if isinstance(answer, Header):
            headers[file.path] = answer
        else:
            bad.append(answer)
    return headers, bad


def _size(headers: dict[Path, Header], image_size: int | None) -> Size:
    channels = 1 if all(header.is_grey for header in headers.values()) else 3
    if image_size:
        return image_size, image_size, channels
    first, *rest = headers
    height, width = headers[first].height, headers[first].width
    for path in rest:
        other = headers[path]
        if (other.height, other.width) != (height, width):
            raise BadInput(
                f"the images differ in size ({first} is {width} × {height}, {path} is "
                f"{other.width} × {other.height} pixels): say what to make of them with "
                "--image-size, for example --image-size 64"
            )
    return height, width, channels


def _in_memory(files: Sequence[_File], size: Size) -> tuple[ImageSet, list[_BadFile]]:
    pixels = np.empty((len(files), *size), np.uint8)
    is_good = np.zeros(len(files), bool)
    for indices, block in _decoded(files, size):
        pixels[indices] = block
        is_good[indices] = True
    if not is_good.all():
        pixels = pixels[is_good]
    return ImageSet(pixels=pixels, labels=_labels(files)[is_good]), _bad(files, is_good)


def _in_files(files: Sequence[_File], size: Size) -> tuple[ImageSet, list[_BadFile]]:
    is_good = np.zeros(len(files), bool)
    for indices, _ in _decoded(files, size):
        is_good[indices] = True
    good = [file for file, keep in zip(files, is_good, strict=True) if keep]
    paths = [file.path for file in good]
    digests = list(in_parallel(digest_of, paths, "hashing images"))
    images = ImageFiles(
        names=file_names(paths), digests=np.reshape(digests, (len(paths), 32)), size=size
    )
    return ImageSet(pixels=images, labels=_labels(good)), _bad(files, is_good)


def _decoded(files: Sequence[_File], size: Size) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    progress = Progress("decoding images", len(files))
    for indices, block in decoded(file_names([file.path for file in files]), size):
        yield indices, block
        progress.advance(len(indices))
    progress.end()


def _labels(files: Sequence[_File]) -> np.ndarray:
    return np.array([file.label for file in files], np.int64)


def _bad(files: Sequence[_File], is_good: np.ndarray) -> list[_BadFile]:
    return [_BadFile(files[int(index)].path, "damaged") for index in np.flatnonzero(~is_good)]


def _refusal(bad: Sequence[_BadFile], total: int, *, is_skipping: bool) -> BadInput:
    named = ", ".join(f"{file.path} ({file.reason})" for file in bad[:NAMED])
    more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    way_out = (
        "none is left" if is_skipping else "mend or remove them, or leave them out with --skip-bad"
    )
    return BadInput(f"{len(bad)} of {total} files cannot be read: {named}{more}; {way_out}")
