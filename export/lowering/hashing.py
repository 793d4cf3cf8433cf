"""`Hashing` and `HashedCrossing` of integers: the hash of their digits, in arithmetic of 64 bits.

Keras writes an integer as text and takes FarmHash's fingerprint of it. No text is needed for that:
its characters are the digits, twenty of them with a sign at most, and what is multiplied and
shifted wraps around in ONNX as it does in C. Hashes with a salt (SipHash) are left to TensorFlow,
and so refused.

Source: google/farmhash: farmhash.cc, farmhashna::Hash64; TensorFlow: platform/fingerprint.h.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from onnx import TensorProto

from export.lowering.marks import Marks, Nodes, Replacement

LONGEST = 20
"""Characters of an integer: nineteen digits and a sign."""
K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
CROSS_KEY, CROSS_FACTOR = 0xDECAFCAFFE, 0xC6A4A7935BD1E995
ZERO, MINUS = ord("0"), ord("-")


def _to_bins(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def to_bins(layer: keras.layers.Hashing, values: Any) -> Any:
        is_number = isinstance(values, tf.Tensor) and (
            values.dtype.is_floating or (values.dtype.is_integer and values.dtype != tf.uint64)
        )
        if layer.strong_hash or not is_number:
            return original(layer, values)
        keeps_first = layer.mask_value is not None and layer.num_bins > 1
        bins = layer.num_bins - keeps_first
        number = tf.cast(values, tf.int64)
        hashed = marks.put(partial(_write_hash, bins), [number], [number])[0]
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


class _Words:
    """Writes arithmetic of unsigned words of 64 bits."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    def word(self, value: int) -> str:
        return self.nodes.constant(value, np.uint64)

    def of(self, tensor: str, kind: int = TensorProto.UINT64) -> str:
        made: str = self.nodes("Cast", [tensor], to=kind)
        return made

    def sum(self, *terms: str) -> str:
        return self._folded("Add", terms)

    def product(self, *factors: str) -> str:
        return self._folded("Mul", factors)

    def either(self, *words: str) -> str:
        return self._folded("BitwiseXor", words)

    def shifted(self, word: str, by: int, direction: str = "RIGHT") -> str:
        made: str = self.nodes("BitShift", [word, self.word(by)], direction=direction)
        return made

    def rotated(self, word: str, by: int) -> str:
        parts = [self.shifted(word, by), self.shifted(word, 64 - by, "LEFT")]
        made: str = self.nodes("BitwiseOr", parts)
        return made

    def mixed(self, word: str) -> str:
        """Mixes the highest bits into the lowest."""
        return self.either(word, self.shifted(word, 47))

    def remainder(self, word: str, count: int) -> str:
        return self.of(self.nodes("Mod", [word, self.word(count)]), TensorProto.INT64)

    def _folded(self, operator: str, words: Sequence[str]) -> str:
        found = words[0]
        for one in words[1:]:
            found = self.nodes(operator, [found, one])
        return found


def _write_cross(bins: int, nodes: Nodes, inputs: list[str]) -> list[str]:
    words = _Words(nodes)
    factor, found = words.word(CROSS_FACTOR), words.word(CROSS_KEY)
    for number in inputs:
        mixed = words.mixed(words.product(words.of(number), factor))
        found = words.either(found, factor, words.product(mixed, factor))
        found = words.mixed(words.product(found, factor))
        found = words.mixed(words.product(found, factor))
    return [words.remainder(found, bins)]


def _write_hash(bins: int, nodes: Nodes, inputs: list[str]) -> list[str]:
    text, words = _Text(nodes, inputs[0]), _Words(nodes)
    hashes = [function(words, text) for function in (_up_to_3, _up_to_7, _up_to_16, _up_to_32)]
    found, *longer = (words.of(one, TensorProto.INT64) for one in hashes)
    for least, one in zip((4, 8, 17), longer, strict=True):
        is_longer = nodes("GreaterOrEqual", [text.length, nodes.constant(least, np.int64)])
        found = nodes("Where", [is_longer, one, found])
    return [words.remainder(words.of(found), bins)]


class _Text:
    """An integer's characters, from its first and from its last, int64 each."""

    def __init__(self, nodes: Nodes, number: str) -> None:
        self._nodes = nodes
        zero = nodes.constant(0, np.int64)
        is_negative = nodes("Less", [number, zero])
        size = nodes("Where", [is_negative, nodes("Sub", [zero, number]), number])
        size = nodes.unsqueezed(nodes("Cast", [size], to=TensorProto.UINT64), -1)
        powers = nodes.constant([10**place for place in range(LONGEST)], np.uint64)
        is_reached = nodes("GreaterOrEqual", [size, powers])  # 10 ** 19 never is
        digits = nodes("Mod", [nodes("Div", [size, powers]), nodes.constant(10, np.uint64)])
        digits = nodes("Cast", [digits], to=TensorProto.INT64)
        characters = nodes("Add", [digits, nodes.constant(ZERO, np.int64)])
        reached = nodes("Cast", [is_reached], to=TensorProto.INT64)
        count = nodes("ReduceSum", [reached, nodes.constant([-1], np.int64)], keepdims=1)
        count = nodes("Max", [count, nodes.constant(1, np.int64)])
        places = nodes.constant(range(LONGEST), np.int64)
        is_sign = nodes("And", [nodes("Equal", [places, count]), nodes.unsqueezed(is_negative, -1)])
        minus = nodes.constant(MINUS, np.int64)
        self._from_last = nodes("Where", [is_sign, minus, characters])
        signs = nodes.unsqueezed(nodes("Cast", [is_negative], to=TensorProto.INT64), -1)
        self._length = nodes("Add", [count, signs])  # [..., 1]
        self.length = nodes.squeezed(self._length, -1)
        last = nodes("Sub", [self._length, nodes.constant(1, np.int64)])
        backwards = nodes("Max", [nodes("Sub", [last, places]), zero])
        self._from_first = nodes("GatherElements", [self._from_last, backwards], axis=-1)

    def first(self, count: int, after: int = 0) -> str:
        """The word of so many characters after some others."""
        return self._word(self._from_first, [after + i for i in range(count)])

    def last(self, count: int, before: int = 0) -> str:
        """The word of so many characters before some others at the end."""
        return self._word(self._from_last, [before + count - 1 - i for i in range(count)])

    def middle(self) -> str:
        """The character in the middle, the later one of two."""
        nodes = self._nodes
        half = nodes("Div", [self._length, nodes.constant(2, np.int64)])
        found = nodes("GatherElements", [self._from_first, half], axis=-1)
        return self._word(found, [0])

    def _word(self, characters: str, places: Sequence[int]) -> str:
        """Little-endian; summed by halves, for ONNX Runtime sums integers as float64."""
        nodes, words = self._nodes, _Words(self._nodes)
        if len(places) > 4:
            high = words.shifted(self._word(characters, places[4:]), 32, "LEFT")
            return words.sum(self._word(characters, places[:4]), high)
        taken = nodes("Gather", [characters, nodes.constant(places, np.int64)], axis=-1)
        weights = nodes.constant([1 << 8 * i for i in range(len(places))], np.int64)
        parts = nodes("Mul", [taken, weights])
        return words.of(nodes("ReduceSum", [parts, nodes.constant([-1], np.int64)], keepdims=0))


def _up_to_3(words: _Words, text: _Text) -> str:
    y = words.sum(text.first(1), words.shifted(text.middle(), 8, "LEFT"))
    z = words.sum(words.of(text.length), words.shifted(text.last(1), 2, "LEFT"))
    both = words.either(words.product(y, words.word(K2)), words.product(z, words.word(K0)))
    return words.product(words.mixed(both), words.word(K2))


def _up_to_7(words: _Words, text: _Text) -> str:
    u = words.sum(words.of(text.length), words.shifted(text.first(4), 3, "LEFT"))
    return _of_two(words, u, text.last(4), _factor(words, text))


def _up_to_16(words: _Words, text: _Text) -> str:
    factor = _factor(words, text)
    a, b = words.sum(text.first(8), words.word(K2)), text.last(8)
    c = words.sum(words.product(words.rotated(b, 37), factor), a)
    d = words.product(words.sum(words.rotated(a, 25), b), factor)
    return _of_two(words, c, d, factor)


def _up_to_32(words: _Words, text: _Text) -> str:
    factor, k2 = _factor(words, text), words.word(K2)
    a, b = words.product(text.first(8), words.word(K1)), text.first(8, after=8)
    c, d = words.product(text.last(8), factor), words.product(text.last(8, before=8), k2)
    u = words.sum(words.rotated(words.sum(a, b), 43), words.rotated(c, 30), d)
    v = words.sum(a, words.rotated(words.sum(b, k2), 18), c)
    return _of_two(words, u, v, factor)


def _factor(words: _Words, text: _Text) -> str:
    return words.sum(words.word(K2), words.product(words.of(text.length), words.word(2)))


def _of_two(words: _Words, u: str, v: str, factor: str) -> str:
    a = words.mixed(words.product(words.either(u, v), factor))
    return words.product(words.mixed(words.product(words.either(v, a), factor)), factor)


REPLACEMENTS = (
    Replacement(keras.layers.Hashing, "_hash_values_to_bins", _to_bins),
    Replacement(tf.sparse, "cross_hashed", _cross_hashed),
    Replacement(tf.sparse, "to_dense", _to_dense),
)
