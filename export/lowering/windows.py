"""`keras.ops.fold`, which adds windows of an image where they came from, as ONNX's Col2Im.

Source: ONNX operator Col2Im (18).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow import nn

from export.lowering.marks import Marks, Nodes, Replacement

Pair = tuple[int, int]


@dataclass(frozen=True)
class Windows:
    """Which windows were taken, and from an image of what size: rows and columns of each."""

    size: Pair
    kernel: Pair
    dilation: Pair
    padding: Pair
    stride: Pair


def _fold(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def fold(
        x: Any,
        output_size: Any,
        kernel_size: Any,
        dilation: Any = 1,
        padding: Any = 0,
        stride: Any = 1,
    ) -> Any:
        x = tf.convert_to_tensor(x)
        given = (output_size, kernel_size, dilation, padding, stride)
        if x.dtype != tf.float32 or x.shape[1] is None:
            return original(x, *given)
        windows = Windows(*map(both, given))
        channels = x.shape[1] // (windows.kernel[0] * windows.kernel[1])
        like = tf.TensorSpec([x.shape[0], channels, *windows.size], x.dtype)
        return marks.put(partial(_write, windows), [x], [like])[0]

    return fold


def both(one: Any) -> Pair:
    """Returns a setting for rows and for columns, where it may be one for both."""
    return (one, one) if isinstance(one, int) else (one[0], one[1])


def _write(windows: Windows, nodes: Nodes, inputs: list[str]) -> list[str]:
    made = nodes(
        "Col2Im",
        [
            inputs[0],
            nodes.constant(windows.size, np.int64),
            nodes.constant(windows.kernel, np.int64),
        ],
        dilations=list(windows.dilation),
        pads=[*windows.padding, *windows.padding],
        strides=list(windows.stride),
    )
    return [made]


REPLACEMENTS = (Replacement(nn, "fold", _fold),)
