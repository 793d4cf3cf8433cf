"""Which version a `ModelSpec` means, and the one that an answer names."""

from typing import Any

from serving.errors import BadInput
from serving.running.version import Version

Wanted = tuple[str, int | None, str | None]


def find(spec: Any) -> Wanted:
    """Returns name, number and label of a `ModelSpec`, as `Catalog.find` takes them.

    Raises:
        BadInput: it names no model, or no version that could be.
    """
    choice = spec.WhichOneof("version_choice")
    number = spec.version.value if choice == "version" else None
    if number is not None and number < 0:
        raise BadInput(f"version {number} of model {spec.name} cannot be")
    return spec.name, number, spec.version_label if choice == "version_label" else None


def fill(spec: Any, version: Version, signature: str) -> None:
    """Names the version that answered."""
    spec.name = version.name
    spec.version.value = version.number
    spec.signature_name = signature
