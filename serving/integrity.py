"""A bundle's files, held to the sizes and hashes in its manifest."""

import hashlib
from pathlib import Path

from serving.bundle import File, Manifest
from serving.bundle_json import MANIFEST
from serving.errors import DamagedBundle


def describe(path: Path) -> File:
    """Returns the size and the SHA-256 of a file."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
            size += len(block)
    return File(bytes=size, sha256=digest.hexdigest())


def describe_all(folder: Path) -> dict[str, File]:
    """Returns every file below `folder` but the manifest, by its path with forward slashes."""
    return {
        path.relative_to(folder).as_posix(): describe(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }


def read_checked(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Reads a file once and returns its bytes, if they are the published ones.

    Nothing is opened twice, so nothing can be exchanged between the check and the use.

    Raises:
        DamagedBundle: it is missing, changed, or not of this bundle.
    """
    expected = manifest.files.get(name)
    if expected is None or Path(name).is_absolute() or ".." in Path(name).parts:
        raise DamagedBundle(f"{folder}: {name} is not among the published files")
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise DamagedBundle(f"{folder}: {name} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise DamagedBundle(
            f"{folder}: {name} is not the file that was published (its hash differs)"
        )
    return content


def differences(folder: Path, manifest: Manifest) -> list[str]:
    """Returns a sentence for every file that is missing, added or changed; none if all is well."""
    found = describe_all(folder)
    missing = [f"{name} is missing" for name in manifest.files if name not in found]
    added = [f"{name} was added" for name in found if name not in manifest.files]
    changed = [
        f"{name} has changed"
        for name, file in manifest.files.items()
        if name in found and found[name] != file
    ]
    return sorted(missing + added + changed)
