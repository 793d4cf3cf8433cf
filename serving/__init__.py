"""How a bundle answers: inference on ONNX Runtime, without TensorFlow.

import serving
model = serving.load("models/digits")
model.predict(image="photo.png")["label"]
"""

from typing import TYPE_CHECKING, Any

from serving.errors import BadInput, DamagedBundle, ServingError

if TYPE_CHECKING:
    from serving.model import Model, load

__all__ = ["BadInput", "DamagedBundle", "Model", "ServingError", "load"]


def __getattr__(name: str) -> Any:
    """Imports ONNX Runtime only when a model is asked for."""
    if name in ("Model", "load"):
        from serving import model

        return getattr(model, name)
    raise AttributeError(f"module 'serving' has no attribute {name!r}")
