"""A case of the coverage table: a model to be exported, and how to feed it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

Lengths = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table.

    Attributes:
        group, name: where it stands in the table.
        build: makes the model.
        lengths: what the free dimensions but the batch get, one tuple for each run; by default
            what `inputs.py` chooses.
        draw: by input name, a function of (random, shape) that draws it in place of the default.
        loops: whether ONNX has no operator for it, so that a Loop is right.
    """

    group: str
    name: str
    build: Callable[[], keras.Model]
    lengths: tuple[int, ...] = (6, 9)
    draw: Mapping[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    loops: bool = False


def one(layer: Any, *shape: int | None, dtype: str = "float32") -> keras.Model:
    """Returns a model of one layer, or of any function of one tensor."""
    x = keras.Input(shape, dtype=dtype, name="x")
    return keras.Model(x, layer(x))


def two(function: Any, *shapes: tuple[int | None, ...], dtype: str = "float32") -> keras.Model:
    """Returns a model of a function of several tensors, in a list."""
    inputs = [keras.Input(shape, dtype=dtype, name=f"x{i}") for i, shape in enumerate(shapes)]
    return keras.Model(inputs, function(inputs))
