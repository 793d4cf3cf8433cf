"""Pooling of every rank, as ONNX's MaxPool and AveragePool of that rank."""

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import nn

from export.lowering.convolution import Settings, in_channels_first, settings_of
from export.lowering.marks import Marks, Nodes, Replacement

FLOATS = (tf.float16, tf.float32, tf.float64)


def _pool(operator: str) -> Callable[[Marks, Callable[..., Any]], Callable[..., Any]]:
    def replacement(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
        def pool(
            inputs: Any,
            pool_size: Any,
            strides: Any = None,
            padding: str = "valid",
            data_format: Any = None,
        ) -> Any:
            like = original(inputs, pool_size, strides, padding, data_format)
            x = tf.convert_to_tensor(inputs)
            if x.dtype not in FLOATS:
                return like
            strides = pool_size if strides is None else strides
            settings = settings_of(x, pool_size, strides, padding, data_format, 1)
            return marks.put(partial(_write, settings, operator), [x], [like])[0]

        return pool

    return replacement


def _write(settings: Settings, operator: str, nodes: Nodes, inputs: list[str]) -> list[str]:
    def write(x: str) -> str:
        made: str = nodes(operator, [x], **settings.attributes())
        return made

    return [in_channels_first(nodes, settings, inputs[0], write)]


REPLACEMENTS = (
    Replacement(nn, "max_pool", _pool("MaxPool")),
    Replacement(nn, "average_pool", _pool("AveragePool")),
)
