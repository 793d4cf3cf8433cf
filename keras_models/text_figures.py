"""How well a text generator does on a text, read once from its beginning to its end."""

import math

import keras
import tensorflow as tf

from keras_models import characters
from keras_models.data_spec import TextSpec
from keras_models.family import Examples
from keras_models.text_network import Network

WINDOW = 512


def measure(model: keras.Model, examples: Examples[TextSpec]) -> dict[str, float]:
    """Reads each row from its beginning to its end, with the state carried through.

    Returns:
        `nats_per_character`, the same in bits, and `perplexity`, e to the nats. A character that
        takes several tokens counts as one.
    """
    tokens, following = examples.inputs["tokens"], examples.answers
    network = Network.of(model)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def read(tokens: tf.Tensor, following: tf.Tensor, states: list[tf.Tensor]) -> tuple:
        logits, after = network(tokens, states, training=False)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(following, logits)
        return tf.reduce_sum(nats), after

    states, total = network.zeros(len(tokens)), 0.0
    for start in range(0, tokens.shape[1], WINDOW):
        window = slice(start, start + WINDOW)
        nats, states = read(
            tf.constant(tokens[:, window]), tf.constant(following[:, window]), states
        )
        total += float(nats)
    nats = total / max(1, characters.count(following))
    return {
        "nats_per_character": nats,
        "bits_per_character": nats / math.log(2),
        "perplexity": math.exp(min(nats, 700.0)),
    }
