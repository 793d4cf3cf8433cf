"""How a bundle answers: inference on ONNX Runtime, without TensorFlow.

import serving
model = serving.load("models/digits")
model.predict(image="photo.png")["label"]
"""

import os
from typing import TYPE_CHECKING, Any

from serving.errors import BadInput, DamagedBundle, ServingError

if TYPE_CHECKING:
    from serving.model import Model, load

# ONNX Runtime's own builds (since 1.29) report every graph that is loaded to their maker, and keep
# an id for that in ~/.cache and $TMPDIR/.ses, unless this is set before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["BadInput", "DamagedBundle", "Model", "ServingError", "load"]


def __getattr__(name: str) -> Any:
    """Imports ONNX Runtime only when a model is asked for."""
    if name in ("Model", "load"):
        from serving import model

        return getattr(model, name)
    raise AttributeError(f"module 'serving' has no attribute {name!r}")
