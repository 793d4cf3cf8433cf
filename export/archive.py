"""A stranger's `.keras` file, looked at before Keras sees it; nothing of it runs or is unpacked.

Ten holes were found in Keras' safe mode within 17 months, so nothing here relies on it: an archive
holds exactly the members that Keras writes, none of them grows when read, and its configuration
names only classes on a list (`archive_config.py`). The weights are looked at where a crash does
no harm (`rehearsal.py`).
"""

import contextlib
import json
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from export import archive_config
from keras_models.errors import BadInput

CONFIG, METADATA = "config.json", "metadata.json"
WEIGHTS = ("model.weights.h5", "model.weights.npz")
ASSETS = "assets/"
LARGEST_CONFIG = 16 * 2**20
LARGEST_OBJECTS = 48 * 2**20
"""Bytes that the configuration may take as Python's objects: 12 MB of `[],[],…` take 259 MB."""
MOST_MEMBERS = 1000
MOST_GROWTH = 20
"""How many times its size in the archive a member may have. Keras does not compress at all."""
FREE_GROWTH = 2**20
"""Below this size nothing is a bomb."""


def check(path: Path, custom: Set[str] = frozenset()) -> None:
    """Checks an archive's members and its configuration.

    Args:
        path: of the archive.
        custom: names of what the user has defined, which it may ask for.

    Raises:
        BadInput: it is no `.keras` file, or holds what such a file has no need of; says what.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for reason in (_of_members(members), _of_member_list(members)):
                if reason:
                    raise BadInput(f"{path} is not loaded: {reason}")
            config = _json(archive, CONFIG)
            if METADATA in archive.namelist():
                _json(archive, METADATA)
            size = sum(member.file_size for member in members if member.filename in WEIGHTS)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise BadInput(f"{path} is no .keras file, or a damaged one") from error
    except ValueError as error:
        raise BadInput(f"{path} is not loaded: {error}") from error
    reason = archive_config.refusal(config, weights_bytes=size, custom=custom)
    if reason:
        raise BadInput(f"{path} is not loaded: {reason}")


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Unpacks an archive into a folder, which is removed afterwards.

    Keras reads weights from a file variable after variable, but from an archive all at once.

    Args:
        path: of an archive that was checked, or is trusted.

    Raises:
        BadInput: it is damaged, or there is no space for it.
    """
    with tempfile.TemporaryDirectory(prefix="keras-export-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
            raise BadInput(f"{path} is no .keras file, or a damaged one") from error
        except OSError as error:
            raise BadInput(
                f"{path} cannot be unpacked into {tempfile.gettempdir()}: {error.strerror}; "
                "the environment's TMPDIR can name another folder"
            ) from error
        yield Path(folder)


def _of_member_list(members: Sequence[zipfile.ZipInfo]) -> str | None:
    names = [member.filename for member in members]
    if len(names) > MOST_MEMBERS:
        return f"it has {len(names)} members"
    if len(set(names)) < len(names):
        return f"it holds {next(n for n in names if names.count(n) > 1)!r} twice"
    if CONFIG not in names:
        return f"it has no {CONFIG}: files of Keras 2 (.h5) are not read"
    if sum(name in WEIGHTS for name in names) != 1:
        return f"it must hold one of {' and '.join(WEIGHTS)}"
    return None


def _of_members(members: Sequence[zipfile.ZipInfo]) -> str | None:
    for member in members:
        name = member.filename
        known = name in (CONFIG, METADATA, *WEIGHTS) or name.startswith(ASSETS)
        if not known or ".." in name.split("/") or "\\" in name or "\0" in name or "//" in name:
            return f"it holds {name!r}, which no model has"
        mode = member.external_attr >> 16
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
            return f"{name!r} in it is no plain file"
        if member.flag_bits & 1:
            return f"{name!r} in it is encrypted"
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return f"{name!r} in it is packed in a way that Keras does not use"
        if member.file_size > max(FREE_GROWTH, MOST_GROWTH * member.compress_size):
            return f"{name!r} in it grows from {member.compress_size} to {member.file_size} bytes"
    return None


def _json(archive: zipfile.ZipFile, name: str) -> Any:
    """Reads a member as JSON, after making sure that it stays small in memory.

    Raises:
        ValueError: it does not, or is no JSON, or names a key twice.
    """
    if archive.getinfo(name).file_size > LARGEST_CONFIG:
        raise ValueError(f"{name} is {archive.getinfo(name).file_size} bytes long")
    with archive.open(name) as member:
        content = member.read(LARGEST_CONFIG + 1)
    objects = 232 * content.count(b"{") + 88 * content.count(b"[") + 64 * content.count(b",")
    if objects + len(content) > LARGEST_OBJECTS:
        raise ValueError(f"{name} would take more than {LARGEST_OBJECTS} bytes of memory")
    try:
        return json.loads(content, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError(f"{name} is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is no text") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is no JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its configuration names a key twice")
    return found
