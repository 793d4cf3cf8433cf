"""How a finished model leaves Keras: `to_onnx`, and the commands `keras-export`, `keras-verify`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.library import to_onnx

__all__ = ["to_onnx"]


def __getattr__(name: str) -> Any:
    """Imports Keras only when something that needs it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from export import library

    return getattr(library, name)
