"""Strings to tokens and back as TensorFlow operations: `characters.py` inside a SavedModel."""

from collections.abc import Sequence

import tensorflow as tf

from keras_models.characters import HALF_BYTES

PADDING = -1
"""What stands after the end of a shorter row."""


def encode(text: tf.Tensor, vocabulary: Sequence[str]) -> tf.Tensor:
    """Turns strings into tokens.

    Args:
        text: string [batch], UTF-8; bytes that are none count as U+FFFD.
        vocabulary: characters, sorted by code point.

    Returns:
        int32 [batch, time], shorter rows filled up with `PADDING`.
    """
    known = tf.constant([ord(character) for character in vocabulary], tf.int32)
    characters = tf.strings.unicode_split(text, "UTF-8")
    points = tf.strings.unicode_decode(text, "UTF-8").flat_values
    place = tf.minimum(tf.searchsorted(known, points), len(vocabulary) - 1)
    is_known = tf.gather(known, place) == points
    own = tf.ragged.boolean_mask((place + HALF_BYTES)[:, tf.newaxis], is_known[:, tf.newaxis])
    unknown = tf.where(is_known, "", characters.flat_values)
    content = tf.cast(
        tf.io.decode_raw(tf.strings.bytes_split(unknown).flat_values, tf.uint8), tf.int32
    )
    halves = tf.reshape(tf.concat([content // 16, content % 16], axis=-1), [-1])
    lengths = tf.cast(2 * tf.strings.length(unknown), tf.int64)
    half_bytes = tf.RaggedTensor.from_row_lengths(halves, lengths)
    tokens = tf.concat([own, half_bytes], axis=1)
    return characters.with_flat_values(tokens).merge_dims(1, 2).to_tensor(PADDING)


def decode(tokens: tf.Tensor, vocabulary: Sequence[str]) -> tf.Tensor:
    """Turns tokens into strings; half bytes that form no character become U+FFFD.

    Args:
        tokens: int32 [batch, time], none of them padding.
        vocabulary: characters, sorted by code point.

    Returns:
        string [batch].
    """
    pieces = tf.constant([bytes([byte]) for byte in range(256)] + [c.encode() for c in vocabulary])
    is_half = tokens < HALF_BYTES
    is_upper = is_half & (_place_in_run(is_half) % 2 == 0)
    is_lower = is_half & ~is_upper
    before = tf.pad(tokens, [[0, 0], [1, 0]])[:, :-1]
    is_completed = tf.pad(is_lower, [[0, 0], [0, 1]])[:, 1:]
    index = tf.where(is_lower, before * 16 + tokens, tokens - HALF_BYTES + 256)
    index = tf.where(is_upper, 255, index)
    written = tf.where(is_upper & is_completed, "", tf.gather(pieces, index))
    joined = tf.strings.reduce_join(written, axis=-1)
    return tf.strings.unicode_transcode(joined, "UTF-8", "UTF-8", errors="replace")


def _place_in_run(is_half: tf.Tensor) -> tf.Tensor:
    """int32 [batch, time]: how many half bytes stand directly before each position."""
    place = tf.range(tf.shape(is_half)[1])[tf.newaxis]
    ended = tf.where(is_half, -1, place)  # the last position that was no half byte, so far
    return place - 1 - _largest_so_far(ended)


def _largest_so_far(values: tf.Tensor) -> tf.Tensor:
    """The running maximum along the last axis, by doubling (Hillis and Steele 1986)."""
    length = tf.shape(values)[1]

    def further(distance: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        moved = tf.pad(values, [[0, 0], [distance, 0]], constant_values=-1)[:, :length]
        return distance * 2, tf.maximum(values, moved)

    _, result = tf.while_loop(
        lambda distance, _: distance < length,
        further,
        (tf.constant(1), values),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None])),
    )
    return tf.ensure_shape(result, values.shape)
