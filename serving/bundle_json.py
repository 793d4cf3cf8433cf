"""`bundle.json` on disk: the dataclasses of a bundle written as text, and read back from it.

Reading trusts nothing: every field is checked, and every file is hashed before it is used
(`integrity.py`; docs/bundle.md).
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from serving.bundle import (
    FORMAT,
    NOT_FINITE,
    Codec,
    Edge,
    File,
    LeftOut,
    Manifest,
    Optimized,
    Proof,
    Quantized,
    Signature,
    Tensor,
)
from serving.errors import DamagedBundle, NotFound

MANIFEST = "bundle.json"
LARGEST_MANIFEST = 64 * 2**20


def to_text(manifest: Manifest) -> str:
    """Writes a manifest as text, the same for the same content."""
    return json.dumps(dataclasses.asdict(manifest), indent=2, sort_keys=True) + "\n"


def read(folder: Path) -> Manifest:
    """Reads the manifest of the bundle in `folder`.

    Raises:
        NotFound: there is no bundle.
        DamagedBundle: its manifest cannot be understood; names the file and the place.
    """
    return from_bytes(content_of(folder), folder / MANIFEST)


def content_of(folder: Path) -> bytes:
    """Returns the bytes of the manifest in `folder`.

    Raises:
        NotFound: there is no bundle.
        DamagedBundle: it cannot be read, or is too large.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise DamagedBundle(f"{path} is too large for a manifest")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"{folder} is no bundle: it has no {MANIFEST}") from error
    except OSError as error:
        raise DamagedBundle(f"{path} cannot be read: {error}") from error


def from_bytes(content: bytes, path: Path) -> Manifest:
    """Reads a manifest of the bytes of its file.

    Raises:
        DamagedBundle: it cannot be understood; names `path` and the place.
    """
    try:
        values = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise DamagedBundle(f"{path} cannot be read: {error}") from error
    try:
        return _manifest(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedBundle(f"{path} is not a manifest of format {FORMAT}: {error!r}") from error


def _manifest(content: Any) -> Manifest:
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']}")
    signatures = tuple(
        Signature(
            **{
                **one,
                "runtimes": tuple(one["runtimes"]),
                "inputs": tuple(map(_tensor, one["inputs"])),
                "outputs": tuple(map(_tensor, one["outputs"])),
                "quantized": Quantized(**one["quantized"]) if one["quantized"] else None,
                "optimized": Optimized(**one["optimized"]) if one.get("optimized") else None,
            }
        )
        for one in content["signatures"]
    )
    return Manifest(
        **{
            **content,
            "signatures": signatures,
            "proof": tuple(Proof(**one) for one in content["proof"]),
            "edges": tuple(Edge(**one) for one in content["edges"]),
            "left_out": tuple(LeftOut(**one) for one in content.get("left_out", ())),
            "files": {name: File(**one) for name, one in content["files"].items()},
        }
    )


def _tensor(content: Any) -> Tensor:
    codec, refused = content.get("codec"), tuple(content.get("refused", ()))
    if not set(refused) <= set(NOT_FINITE):
        raise ValueError(f"refused {list(refused)}")
    return Tensor(
        name=str(content["name"]),
        dtype=str(content["dtype"]),
        shape=tuple(content["shape"]),
        codec=Codec(**codec) if codec else None,
        minimum=content.get("minimum"),
        maximum=content.get("maximum"),
        refused=refused,
    )
