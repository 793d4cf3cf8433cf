"""`Hashing` and `HashedCrossing` of integers: the hash of their digits, in arithmetic of 64 bits.

Keras writes an integer as text and takes FarmHash's fingerprint of it. No text is needed for that:
its characters are the digits, twenty of them with a sign at most, and what is multiplied and
shifted wraps around in ONNX as it does in C. With a salt it is another hash (`salted.py`).

Source: google/farmhash: farmhash.cc, farmhashna::Hash64; TensorFlow: platform/fingerprint.h.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.lowering.characters import Text
from export.lowering.marks import Marks, Nodes, Replacement
from export.lowering.salted import write_salted
from export.lowering.words import Words

K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
CROSS_KEY, CROSS_FACTOR = 0xDECAFCAFFE, 0xC6A4A7935BD1E995


def _to_bins(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def to_bins(layer: keras.layers.Hashing, values: Any) -> Any:
        is_number = isinstance(values, tf.Tensor) and (
            values.dtype.is_floating or (values.dtype.is_integer and values.dtype != tf.uint64)
        )
        if not is_number:
            return original(layer, values)
        keeps_first = layer.mask_value is not None and layer.num_bins > 1
        bins = layer.num_bins - keeps_first
        number = tf.cast(values, tf.int64)
        write = partial(write_salted, bins, layer.salt) if layer.strong_hash else None
        hashed = marks.put(write or partial(_write_hash, bins), [number], [number])[0]
        if not keeps_first:
            return hashed
        return tf.where(tf.equal(values, layer.mask_value), tf.zeros_like(hashed), hashed + 1)

    return to_bins


def _cross_hashed(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def cross_hashed(inputs: Any, num_buckets: int = 0, *arguments: Any, **named: Any) -> Any:
        is_integer = all(isinstance(x, tf.Tensor) and x.dtype.is_integer for x in inputs)
        if not is_integer or not num_buckets or arguments or named:
            return original(inputs, num_buckets, *arguments, **named)
        numbers = [tf.cast(x, tf.int64) for x in inputs]
        return marks.put(partial(_write_cross, num_buckets), numbers, numbers[:1])[0]

    return cross_hashed


def _to_dense(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def to_dense(sp_input: Any, *arguments: Any, **named: Any) -> Any:
        """Leaves a cross of integers as it is, for that is no longer sparse."""
        is_dense = isinstance(sp_input, tf.Tensor)
        return sp_input if is_dense else original(sp_input, *arguments, **named)

    return to_dense


def _write_cross(bins: int, nodes: Nodes, inputs: list[str]) -> list[str]:
    words = Words(nodes)
    factor, found = words.word(CROSS_FACTOR), words.word(CROSS_KEY)
    for number in inputs:
        mixed = words.mixed(words.product(words.of(number), factor))
        found = words.either(found, factor, words.product(mixed, factor))
        found = words.mixed(words.product(found, factor))
        found = words.mixed(words.product(found, factor))
    return [words.remainder(found, bins)]


def _write_hash(bins: int, nodes: Nodes, inputs: list[str]) -> list[str]:
    text, words = Text(nodes, inputs[0]), Words(nodes)
    hashes = [function(words, text) for function in (_up_to_3, _up_to_7, _up_to_16, _up_to_32)]
    found, *longer = hashes
    for least, one in zip((4, 8, 17), longer, strict=True):
        is_longer = nodes("GreaterOrEqual", [text.length, nodes.constant(least, np.int64)])
        found = words.chosen(is_longer, one, found)
    return [words.remainder(found, bins)]


def _up_to_3(words: Words, text: Text) -> str:
    y = words.sum(text.first(1), words.shifted(text.middle(), 8, "LEFT"))
    z = words.sum(words.of(text.length), words.shifted(text.last(1), 2, "LEFT"))
    both = words.either(words.product(y, words.word(K2)), words.product(z, words.word(K0)))
    return words.product(words.mixed(both), words.word(K2))


def _up_to_7(words: Words, text: Text) -> str:
    u = words.sum(words.of(text.length), words.shifted(text.first(4), 3, "LEFT"))
    return _of_two(words, u, text.last(4), _factor(words, text))


def _up_to_16(words: Words, text: Text) -> str:
    factor = _factor(words, text)
    a, b = words.sum(text.first(8), words.word(K2)), text.last(8)
    c = words.sum(words.product(words.rotated(b, 37), factor), a)
    d = words.product(words.sum(words.rotated(a, 25), b), factor)
    return _of_two(words, c, d, factor)


def _up_to_32(words: Words, text: Text) -> str:
    factor, k2 = _factor(words, text), words.word(K2)
    a, b = words.product(text.first(8), words.word(K1)), text.first(8, after=8)
    c, d = words.product(text.last(8), factor), words.product(text.last(8, before=8), k2)
    u = words.sum(words.rotated(words.sum(a, b), 43), words.rotated(c, 30), d)
    v = words.sum(a, words.rotated(words.sum(b, k2), 18), c)
    return _of_two(words, u, v, factor)


def _factor(words: Words, text: Text) -> str:
    return words.sum(words.word(K2), words.product(words.of(text.length), words.word(2)))


def _of_two(words: Words, u: str, v: str, factor: str) -> str:
    a = words.mixed(words.product(words.either(u, v), factor))
    return words.product(words.mixed(words.product(words.either(v, a), factor)), factor)


REPLACEMENTS = (
    Replacement(keras.layers.Hashing, "_hash_values_to_bins", _to_bins),
    Replacement(tf.sparse, "cross_hashed", _cross_hashed),
    Replacement(tf.sparse, "to_dense", _to_dense),
)
