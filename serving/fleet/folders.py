"""Where models and versions are: every sub-folder whose name is a number is a version."""

import logging
from pathlib import Path

LOG = logging.getLogger(__name__)
_LARGEST_VERSION = 2**63 - 1

Fingerprint = tuple[tuple[str, int, int], ...]


def models_in(root: Path) -> dict[str, Path]:
    """Returns every sub-folder that holds a version, by name; names with a dot in front are not.

    Raises:
        OSError: the folder cannot be read.
    """
    return {
        folder.name: folder
        for folder in sorted(root.iterdir())
        if not folder.name.startswith(".") and folder.is_dir() and versions_in(folder)
    }


def versions_in(folder: Path) -> dict[int, Path]:
    """Returns the versions in a model's folder; `007` is version 7, of twins the first counts.

    Raises:
        OSError: the folder cannot be read.
    """
    found: dict[int, Path] = {}
    for child in sorted(folder.iterdir()):
        if not (child.name.isascii() and child.name.isdigit() and child.is_dir()):
            continue
        number = int(child.name)
        if number in found:
            LOG.warning("%s and %s are the same version; the first is taken", found[number], child)
        elif number <= _LARGEST_VERSION:
            found[number] = child
    return found


def fingerprint(folder: Path) -> Fingerprint:
    """Returns what changes when a file in a folder does: names, sizes and times."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_size, status.st_mtime_ns))
    return tuple(found)
