"""How a finished model leaves Keras: `to_onnx` and `prove` in Python, `keras-export` in a shell."""

from typing import TYPE_CHECKING, Any

import serving  # noqa: F401 (before ONNX Runtime, whose reports to its maker it turns off)

if TYPE_CHECKING:
    from export.library import prove, to_onnx

__all__ = ["prove", "to_onnx"]


def __getattr__(name: str) -> Any:
    """Imports Keras only when something that needs it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from export import library

    return getattr(library, name)
