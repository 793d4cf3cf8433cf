"""Scaled dot-product attention as ONNX's Attention: one operator for what would be twelve.

Keras' heads stand between time and features, [batch, time, heads, size]; so does what ONNX calls
three-dimensional, [batch, time, heads * size], and nothing is transposed. A mask is given as what
is added to the scores: of a row that sees nothing Keras takes the mean, and of a mask of truths
that is not said.

Source: ONNX operator Attention (23).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import nn

from export.lowering.later import DOMAIN
from export.lowering.marks import Marks, Nodes, Replacement

UNSEEN = -0.7 * 3.4028235e38
"""What Keras puts in place of the score of what a mask hides."""


@dataclass(frozen=True)
class Heads:
    """How many heads there are of queries and of keys, and whether a step sees only those before.

    Attributes:
        queries, keys: how many.
        size: of a head's answer.
        scale: what scores are multiplied by.
        is_causal: whether a step sees only itself and those before it.
    """

    queries: int
    keys: int
    size: int
    scale: float
    is_causal: bool


def _dot_product(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def dot_product_attention(
        query: Any,
        key: Any,
        value: Any,
        bias: Any = None,
        mask: Any = None,
        scale: Any = None,
        is_causal: bool = False,
        **options: Any,
    ) -> Any:
        like = original(query, key, value, bias, mask, scale, is_causal, **options)
        tensors = [tf.convert_to_tensor(one) for one in (query, key, value)]
        heads = _heads(tensors, scale, is_causal)
        if heads is None or like.dtype != tf.float32:
            return like
        added = _added(tensors, bias, mask)
        return marks.put(partial(_write, heads), [*tensors, *added], [like])[0]

    return dot_product_attention


def _heads(tensors: list[tf.Tensor], scale: Any, is_causal: bool) -> Heads | None:
    """What the shapes say; None where they do not say it."""
    query, key, value = (tensor.shape for tensor in tensors)
    known = [query[2], query[3], key[2], value[2], value[3]]
    if any(tensor.dtype != tf.float32 for tensor in tensors) or None in known:
        return None
    if scale is None:
        scale = query[3] ** -0.5
    if key[2] != value[2] or query[2] % key[2] or not isinstance(scale, int | float):
        return None
    return Heads(query[2], key[2], value[3], float(scale), bool(is_causal))


def _added(tensors: list[tf.Tensor], bias: Any, mask: Any) -> list[tf.Tensor]:
    """What is added to the scores, float32 [batch or 1, heads or 1, time, time of keys]."""
    found = None if bias is None else tf.cast(tf.convert_to_tensor(bias), tf.float32)
    if mask is not None:
        seen = tf.cast(tf.convert_to_tensor(mask), tf.bool)
        hidden = tf.where(seen, 0.0, UNSEEN)
        found = hidden if found is None else found + hidden
    if found is None:
        return []
    query, key = tensors[:2]
    return [found + tf.zeros(tf.stack([1, 1, _time(query), _time(key)]))]


def _time(tensor: tf.Tensor) -> Any:
    return tf.shape(tensor)[1] if tensor.shape[1] is None else tf.constant(tensor.shape[1])


def _write(heads: Heads, nodes: Nodes, inputs: list[str]) -> list[str]:
    flat = [nodes.reshaped(one, [0, 0, -1]) for one in inputs[:3]]
    made = nodes(
        "Attention",
        [*flat, *inputs[3:]],
        domain=DOMAIN,
        q_num_heads=heads.queries,
        kv_num_heads=heads.keys,
        scale=heads.scale,
        is_causal=int(heads.is_causal),
    )
    return [nodes.reshaped(made, [0, 0, heads.queries, heads.size])]


def _without(dropout: str) -> Callable[[Marks, Callable[..., Any]], Callable[..., Any]]:
    """Lets a layer with dropout, which does nothing at inference, compute as one without.

    Of a row that sees nothing such a layer takes zeros, where one without takes the mean.

    Args:
        dropout: what the layer calls its rate.
    """

    def replacement(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
        def compute_attention(
            layer: Any,
            query: Any,
            key: Any,
            value: Any,
            attention_mask: Any = None,
            *rest: Any,
            **more: Any,
        ) -> Any:
            rate = layer.__dict__[dropout]
            if not rate or len(query.shape) != 4 or (rest[1:] and rest[1]):
                return original(layer, query, key, value, attention_mask, *rest, **more)
            layer.__dict__[dropout] = 0.0
            try:
                output, scores = original(layer, query, key, value, attention_mask, *rest, **more)
            finally:
                layer.__dict__[dropout] = rate
            return (
                output if attention_mask is None else _where_seen(attention_mask, output)
            ), scores

        return compute_attention

    return replacement


def _where_seen(mask: Any, output: tf.Tensor) -> tf.Tensor:
    """[batch, time, heads, size], zeros where a mask [batch, (heads,) time, keys] hides all."""
    seen = tf.reduce_any(tf.cast(mask, tf.bool), axis=-1, keepdims=True)
    seen = seen[:, :, tf.newaxis] if len(seen.shape) == 3 else tf.transpose(seen, [0, 2, 1, 3])
    return tf.where(seen, output, 0.0)


REPLACEMENTS = (
    Replacement(nn, "dot_product_attention", _dot_product),
    Replacement(keras.layers.MultiHeadAttention, "_compute_attention", _without("_dropout")),
    Replacement(keras.layers.GroupQueryAttention, "_compute_attention", _without("dropout")),
)
