"""What a Keras user calls from a notebook."""

import os
from pathlib import Path

import keras

from export import onnx_file, own_signature


def to_onnx(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    opset: int | None = None,
    prove: bool = True,
) -> None:
    """Writes a model as an ONNX file."""
    onnx_file.write(own_signature.signature_of(model), Path(path), opset=opset)
