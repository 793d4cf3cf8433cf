"""Layer and root-mean-square normalization as ONNX's own operators, in float32 as Keras has them.

Source: ONNX operators LayerNormalization (17), RMSNormalization (23).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras.src.ops import nn

from export.lowering.later import DOMAIN
from export.lowering.marks import Marks, Nodes, Replacement


def _layer(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def layer_normalization(
        x: Any,
        gamma: Any = None,
        beta: Any = None,
        axis: Any = -1,
        epsilon: float | None = None,
        rms_scaling: bool = False,
    ) -> Any:
        shape = _normalized(x, axis)
        if rms_scaling or shape is None:
            return original(x, gamma, beta, axis, epsilon, rms_scaling)
        write = partial(_write, "LayerNormalization", "", -len(shape), _epsilon(epsilon))
        return _put(marks, write, x, [gamma, beta], shape)

    return layer_normalization


def _root_mean_square(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def rms_normalization(
        x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
    ) -> Any:
        shape = _normalized(x, axis)
        if shape is None:
            return original(x, scale, axis, epsilon)
        write = partial(_write, "RMSNormalization", DOMAIN, -len(shape), _epsilon(epsilon))
        return _put(marks, write, x, [scale], shape)

    return rms_normalization


def _normalized(x: Any, axis: Any) -> list[int] | None:
    """The lengths that are normalized over, if they are known and the last ones; else None."""
    rank = len(x.shape)
    axes = sorted(one % rank for one in ([axis] if isinstance(axis, int) else axis)) if rank else []
    lengths = [x.shape[one] for one in axes]
    if not axes or axes != list(range(axes[0], rank)) or None in lengths:
        return None
    return lengths if tf.as_dtype(x.dtype).size <= 4 else None


def _epsilon(epsilon: float | None) -> float:
    return float(keras.config.epsilon() if epsilon is None else epsilon)


def _put(marks: Marks, write: Any, x: Any, weights: Sequence[Any], shape: list[int]) -> tf.Tensor:
    x = tf.convert_to_tensor(x)
    scale, *shift = weights
    given = [
        x,
        tf.ones(shape) if scale is None else scale,
        *(one for one in shift if one is not None),
    ]
    given = [tf.cast(tf.convert_to_tensor(one), tf.float32) for one in given]
    given[1:] = [tf.reshape(one, shape) for one in given[1:]]
    made = marks.put(write, given, [tf.TensorSpec(x.shape, tf.float32)])[0]
    return tf.cast(made, x.dtype)


def _write(
    operator: str, domain: str, axis: int, epsilon: float, nodes: Nodes, inputs: list[str]
) -> list[str]:
    return [nodes(operator, inputs, domain=domain, axis=axis, epsilon=epsilon)]


LAYER = (Replacement(nn, "_layer_normalization", _layer),)
ROOT_MEAN_SQUARE = (Replacement(nn, "_rms_normalization", _root_mean_square),)
