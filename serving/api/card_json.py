"""What a version says of itself, for programs that show it to people: the manifest's public part.

TF Serving's metadata has dtypes and shapes; here are named dimensions, classes, limits, figures and
the proof too. Where the run lay, its files and their hashes stay in the bundle.
"""

import dataclasses
import json
from typing import Any

from serving.running.version import Version


def card(version: Version) -> bytes:
    """Writes name, family, figures, every signature that answers here, and the proof."""
    manifest = version.manifest
    metrics = manifest.source.get("metrics") or {}
    told: dict[str, Any] = {
        "name": version.name,
        "version": str(version.number),
        "family": manifest.family,
        "created": manifest.created,
        "figures": metrics.get("headline"),
        "signatures": [
            {
                "name": signature.name,
                "summary": signature.summary,
                "inputs": [dataclasses.asdict(tensor) for tensor in signature.inputs],
                "outputs": [dataclasses.asdict(tensor) for tensor in signature.outputs],
            }
            for signature in version.signatures()
        ],
        "proof": [dataclasses.asdict(proof) for proof in manifest.proof],
    }
    return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
