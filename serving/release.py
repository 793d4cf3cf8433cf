"""Which release of this package is running."""


def version() -> str:
    """Returns the installed package's version."""
    from importlib import metadata  # takes as long as a twentieth of a worker's other imports

    return metadata.version("keras-models")
