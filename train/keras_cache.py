"""Keras' cache of downloaded data sets, and what to do where there is no internet access."""

import contextlib
import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from keras_models.errors import BadInput

T = TypeVar("T")


def cached(name: str, load: Callable[[], T], files: Sequence[str]) -> T:
    """Loads through Keras' cache; its download bar and its tracebacks stay out of sight.

    Args:
        name: of the data set.
        load: calls Keras' loader.
        files: what that keeps in the cache's folder of data sets.

    Raises:
        BadInput: it could not be downloaded, or is damaged; says which file to put where.
    """
    cache = _cache()
    places = [cache / file for file in files]
    absent = [place for place in places if not place.exists()]
    if absent:
        sys.stderr.write(f"{name} is not in {cache} yet: downloading it\n")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return load()
        except Exception as error:  # damaged archives raise whatever their reader stumbles over
            raise BadInput(_why_not(name, places, absent, error)) from error


def _cache() -> Path:
    """The folder of data sets that Keras' loaders use: `KERAS_HOME`, or one that can be written."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    if not os.access(home, os.W_OK):
        home = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir(), ".keras")
    return home / "datasets"


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
