"""What a text generator shows of itself: what it writes, how open its gates are, its embedding."""

from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

import keras
import numpy as np
import tensorflow as tf

from keras_models import characters
from keras_models.data_spec import TextSpec
from keras_models.family import Examples
from keras_models.observation import Distribution, Embedding, Observation, Sample
from keras_models.text_generation import Wanted, generate
from keras_models.text_network import Network

TEMPERATURES = (0.5, 0.8, 1.0)
SAMPLE_LENGTH = 400
PROMPT_LENGTH = 32
TEXTS = 32
"""Validation texts over which gates are looked at."""
GATES: Mapping[str, tuple[str, ...]] = {
    "lstm": ("input", "forget", "candidate", "output"),
    "gru": ("update", "reset"),
}
"""By the kind of layer, in Keras' order; a GRU's candidate is not alone in its product."""

_writers: WeakKeyDictionary[keras.Model, Callable[..., tf.Tensor]] = WeakKeyDictionary()


def observe(model: keras.Model, examples: Examples[TextSpec]) -> dict[str, Observation]:
    """Lets a text generator write, and looks inside it while it reads validation texts.

    Returns:
        text `sample/temperature_<temperature>`; distributions `gates/<layer>/<gate>`, 0 closed and
        1 open, and `weights/<weight>`; an embedding `characters`.
    """
    vocabulary = examples.spec.vocabulary
    tokens = examples.inputs["tokens"]
    shown: dict[str, Observation] = {}
    for temperature in TEMPERATURES:
        text = _written(model, tokens[:1, :PROMPT_LENGTH], temperature, vocabulary)
        shown[f"sample/temperature_{temperature}"] = Sample(text=text)
    shown.update(_gates(Network.of(model), tokens[:TEXTS]))
    for layer in model.layers:
        for weight in layer.trainable_weights:
            shown[f"weights/{weight.path}"] = Distribution(values=np.asarray(weight, np.float32))
    names = [f"half byte {half:x}" for half in range(characters.HALF_BYTES)]
    names += [repr(character) for character in vocabulary]
    vectors = np.asarray(model.get_layer("embedding").embeddings, np.float32)
    shown["characters"] = Embedding(vectors=vectors, labels=names)
    return shown


def _written(
    model: keras.Model, prompt: np.ndarray, temperature: float, vocabulary: tuple[str, ...]
) -> str:
    """The prompt and what the model makes of it, as Markdown."""
    if model not in _writers:  # traced once for a model: tracing takes longer than writing
        network = Network.of(model)
        _writers[model] = tf.function(
            lambda prompt, temperature: generate(
                network,
                prompt,
                Wanted(
                    length=tf.constant(SAMPLE_LENGTH),
                    temperature=temperature,
                    top_k=tf.constant(0),
                    top_p=tf.constant(1.0),
                    seed=tf.constant(0, tf.int64),
                ),
            )
        )
    tokens = _writers[model](tf.constant(prompt), tf.constant(temperature)).numpy()
    begun, made = (characters.decode(row[0], vocabulary) for row in (prompt, tokens))
    lines = f"{begun}▶{made}".splitlines()
    return "\n".join(f"    {line}" for line in lines)


def _gates(network: Network, tokens: np.ndarray) -> dict[str, Observation]:
    """The gates of each layer after each token, computed anew from its weights and its states."""
    shown: dict[str, Observation] = {}
    x = network.embedding(tokens)
    for layer in network.recurrent:
        h = layer(x)[0]
        names = GATES.get(type(layer).__name__.lower(), ())
        for name, gate in zip(names, _opened(layer, x, h), strict=False):
            if name != "candidate":
                shown[f"gates/{layer.name}/{name}"] = Distribution(values=gate.numpy())
        x = h
    return shown


def _opened(layer: keras.layers.RNN, x: tf.Tensor, h: tf.Tensor) -> list[tf.Tensor]:
    """float32 [batch, time, units] in (0, 1) for each gate: σ(x·W + h·U + b), h before the step."""
    cell = layer.cell
    before = tf.pad(h, [[0, 0], [1, 0], [0, 0]])[:, :-1]
    inner = x @ tf.convert_to_tensor(cell.kernel) + before @ tf.convert_to_tensor(
        cell.recurrent_kernel
    )
    if cell.bias is not None:  # a GRU has one for each product
        inner += tf.reduce_sum(tf.reshape(cell.bias, [-1, inner.shape[-1]]), axis=0)
    gates: list[tf.Tensor] = tf.split(tf.sigmoid(inner), inner.shape[-1] // h.shape[-1], axis=-1)
    return gates
