"""A whole text in one call: reads a prompt, then chooses token after token.

What is chosen depends on nothing but the prompt, the settings, and (seed, row, place): the same
call gives the same text in Keras, in the SavedModel and in ONNX Runtime.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from keras_models import counter_random
from keras_models.sampling import sample
from keras_models.text_network import Network

LONGEST = 100_000
"""Tokens in one call."""
LAST_BITS = 1e-5
"""How near a draw may be to the border between two tokens before the last bits of the logits, which
every runtime rounds in its own way, decide."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How tokens are chosen.

    Attributes:
        length: int32 [], how many.
        temperature: float32 [], divides the logits; 0 takes the likeliest token.
        top_k: int32 [], only so many of the likeliest; 0 for all.
        top_p: float32 [], only the likeliest that make up this share of the probability.
        seed: int64 [].
    """

    length: tf.Tensor
    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor
    seed: tf.Tensor

    def draws(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns float32 [rows, length], uniform numbers."""
        row = tf.range(tf.cast(rows, tf.int64))[:, tf.newaxis]
        return counter_random.uniform(self.seed, tf.range(tf.cast(self.length, tf.int64)), row)

    def choose(self, logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
        """Returns int32 [batch], a token for each row of logits and each uniform number."""
        return sample(logits, uniform, self.temperature, self.top_k, self.top_p)


def generate(network: Network, prompt: tf.Tensor, wanted: Wanted) -> tf.Tensor:
    """Goes on with prompts.

    Args:
        network: reads tokens.
        prompt: int32 [batch, time], at least one token in each row; what is negative stands at the
            end of a shorter row, and is not read.
        wanted: how much of what.

    Returns:
        int32 [batch, length].
    """
    logits, states = _read(network, prompt)
    draws = tf.transpose(wanted.draws(tf.shape(prompt)[0]))
    written = tf.TensorArray(tf.int32, size=wanted.length, element_shape=[None])

    def step(
        place: tf.Tensor, logits: tf.Tensor, states: list[tf.Tensor], written: tf.TensorArray
    ) -> tuple:
        token = wanted.choose(logits, tf.gather(draws, place))
        following, after = network(token[:, tf.newaxis], states, training=False)
        return place + 1, following[:, 0], after, written.write(place, token)

    *_, written = tf.while_loop(
        lambda place, *_: place < wanted.length,
        step,
        (tf.constant(0), logits, states, written),
        maximum_iterations=wanted.length,
    )
    return tf.transpose(written.stack())


def _read(network: Network, prompt: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Returns the logits of what follows each prompt, and the states after it."""
    is_token = prompt >= 0
    logits, states = network(tf.maximum(prompt, 0), mask=is_token, training=False)
    last = tf.reduce_sum(tf.cast(is_token, tf.int32), axis=1) - 1
    return tf.gather(logits, last, axis=1, batch_dims=1), states


def ties(
    network: Network, prompt: np.ndarray, tokens: np.ndarray, settings: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Tells which tokens were chosen by the last bits of the logits.

    A choice is a tie where a number a little smaller or larger would have chosen another token; of
    the likeliest token, where the second is as likely.

    Args:
        network: chose the tokens.
        prompt: int32 [batch, time].
        tokens: int32 [batch, length], what `generate` made of it.
        settings: those of `Wanted`, by name.

    Returns:
        bool [batch, length].
    """
    wanted = Wanted(**{name: tf.constant(value) for name, value in settings.items()})
    rows = _logits_before(network, tf.constant(prompt), tf.constant(tokens))
    if not settings["temperature"]:
        largest = tf.math.top_k(rows, 2).values.numpy()
        tied = np.ptp(largest, axis=1) <= LAST_BITS
    else:
        draws = tf.reshape(wanted.draws(len(prompt)), [-1])
        near = [
            wanted.choose(rows, tf.clip_by_value(draws + shift, 2.0**-24, 1 - 2.0**-24)).numpy()
            for shift in (-LAST_BITS, LAST_BITS)
        ]
        tied = near[0] != near[1]
    return np.asarray(tied).reshape(tokens.shape)


@tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
def _logits_before(network: Network, prompt: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """Returns [batch * length, vocabulary], the logits that each token was chosen by."""
    first, states = _read(network, prompt)
    following, _ = network(tokens, states, training=False)
    before = tf.concat([first[:, tf.newaxis], following[:, :-1]], axis=1)
    return tf.reshape(before, [-1, before.shape[-1]])
