"""Which release of this package is running."""

from importlib import metadata


def version() -> str:
    """Returns the installed package's version."""
    return metadata.version("keras-models")
