"""The paths of TF Serving's REST API, as in its model_servers/http_rest_api_util.cc.

They are compared whatever their case, but a method's name is only known in small letters; names
and labels may hold any character, percent-encoded.
"""

import functools
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from serving.errors import BadInput

_VERSION = r"(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?"
_INFERENCE = re.compile(
    rf"/v1/models/([^/:]+){_VERSION}:(classify|regress|predict|stream)", re.IGNORECASE | re.ASCII
)
_ABOUT = re.compile(
    rf"/v1/models(?:/([^/:]+))?{_VERSION}(?:/(metadata|card))?", re.IGNORECASE | re.ASCII
)
_LARGEST_VERSION = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class ModelPath:
    """What a path asks for.

    Attributes:
        model: its name, empty for none.
        version, label: which version, None for the highest.
        action: `predict`, `classify`, `regress`, `stream`; `status`, `metadata` or `card`.
    """

    model: str
    version: int | None
    label: str | None
    action: str


@functools.lru_cache(maxsize=64)
def parse(method: str, target: str) -> ModelPath:
    """Reads method and target of a request.

    Raises:
        BadInput: there is no such path, or no such version number.
    """
    pattern = {"POST": _INFERENCE, "GET": _ABOUT, "HEAD": _ABOUT}.get(method)
    found = pattern.fullmatch(target) if pattern else None
    if found is None:
        raise BadInput(f"Malformed request: {method} {target}")
    model, version, label, action = found.groups()
    if version and int(version) > _LARGEST_VERSION:
        raise BadInput(f"Failed to convert version: {version} to numeric.")
    if pattern is _ABOUT:
        action = action if action in ("metadata", "card") else "status"
    elif action != action.lower():
        raise BadInput(f"Malformed request: {method} {target}")
    return ModelPath(
        model=_decoded(model or ""),
        version=int(version) if version else None,
        label=_decoded(label) if label else None,
        action=action,
    )


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")
