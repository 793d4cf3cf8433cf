"""Text generators: what comes next, character by character, on SimpleRNN, LSTM or GRU.

Source: Graves 2013, arXiv 1308.0850 (generating sequences with LSTM); Karpathy 2015 (char-rnn);
Zaremba et al. 2014, arXiv 1409.2329 (dropout between layers, never between steps).
"""

import math
from dataclasses import dataclass
from typing import Literal

import keras
import tensorflow as tf

from keras_models import recurrent, text_figures, text_observations, text_signatures
from keras_models.data_spec import TextSpec
from keras_models.family import Family, Monitor, Preset
from keras_models.optimizer import optimizer
from keras_models.text_generator import TextGenerator
from keras_models.text_network import Cell, made
from keras_models.training import TextTraining


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """The architecture: whatever changes the weights or the graph."""

    cell: Cell = "gru"
    """lstm, gru, or rnn; docs/text.md explains them."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Of the state of an rnn; with relu it begins as the identity (Le et al. 2015)."""
    units: int = 256
    """Width of each recurrent layer."""
    layers: int = 1
    """Recurrent layers, one over the other."""
    embedding: int = 64
    """Width of the vector that stands for a token."""
    dropout: float = 0.0
    """Share of each recurrent layer's output that is dropped while training."""
    weight_dropout: float = 0.0
    """Share of the weights from state to state that is dropped while training, the same for a
    whole window: against learning a text by heart (Merity et al. 2018)."""
    tied: bool = False
    """Take the logits from the embedding's own vectors: fewer weights; for large vocabularies."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        if self.activation != "tanh" and self.cell != "rnn":
            raise ValueError(f"activation {self.activation} is for --cell rnn, not {self.cell}")
        for name in ("units", "layers", "embedding"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("dropout", "weight_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")


def build(
    config: TextConfig, training: TextTraining, spec: TextSpec, steps_per_epoch: int
) -> keras.Model:
    """Builds and compiles the generator under the dtype policy in force.

    Returns:
        int32 `tokens` [batch, time] → float32 `logits` [batch, time, vocabulary], from a state of
        zeros; `fit` carries the state of `training.batch_size` rows from window to window.
    """
    network = made(
        cell=config.cell,
        activation=config.activation,
        units=config.units,
        depth=config.layers,
        embedding=config.embedding,
        dropout=config.dropout,
        weight_dropout=config.weight_dropout,
        tied=config.tied,
        tokens=spec.tokens,
    )
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    logits, _ = network(tokens)
    model = TextGenerator(tokens, logits, name="text")
    model.carry(batch_size=training.batch_size, steps_per_epoch=steps_per_epoch)
    model.compile(
        optimizer=optimizer(training, steps_per_epoch),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[BitsPerToken(name="bits_per_token")],
        steps_per_execution=training.steps_per_execution,
        jit_compile=training.jit and recurrent.can_be_compiled_whole(),
    )
    return model


@keras.saving.register_keras_serializable("keras_models")
class BitsPerToken(keras.metrics.MeanMetricWrapper):
    """The cross-entropy in bits: nats over the logarithm of 2."""

    def __init__(self, name: str = "bits_per_token", dtype: str | None = None) -> None:
        super().__init__(_bits, name=name, dtype=dtype)


def _bits(following: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(following, logits)
    return nats / math.log(2)


WIDE = 512
"""Units from which a step is bound by its products, which bfloat16 makes faster."""

PRESETS = {
    "small": Preset(
        summary="one GRU of 256, a minute or two of training",
        model=TextConfig(),
        training=TextTraining(
            epochs=5,
            batch_size=32,
            window=128,
            learning_rate=6e-3,
            warmup_epochs=0.25,
            clip_norm=1.0,
            jit=True,
        ),
    ),
    # The last tenth of char-rnn's input.txt: 1.510 nats in 138 s on two Zen 3 cores.
    # keras-train text --data shakespeare --preset shakespeare --run runs/shakespeare
    "shakespeare": Preset(
        summary="one LSTM of 256 for a million characters: 1.5 nats each in two minutes",
        model=TextConfig(cell="lstm", dropout=0.1),
        training=TextTraining(
            epochs=3,
            batch_size=64,
            window=64,
            learning_rate=2e-2,
            warmup_epochs=0.4,
            beta_2=0.99,
            clip_norm=1.0,
            jit=True,
        ),
    ),
    # The same tenth: 1.391 nats in 11.7 minutes on two Sapphire Rapids cores, in bfloat16.
    # keras-train text --data shakespeare --preset large --run runs/large
    "large": Preset(
        summary="one LSTM of 1024, heavily regularized, for a million characters or more",
        model=TextConfig(cell="lstm", units=1024, embedding=128, dropout=0.5),
        training=TextTraining(
            epochs=7,
            batch_size=64,
            window=64,
            learning_rate=7e-3,
            warmup_epochs=0.4,
            beta_2=0.99,
            weight_decay=0.3,
            clip_norm=1.0,
            jit=True,
        ),
    ),
    "lstm": Preset(
        summary="one LSTM of 256",
        model=TextConfig(cell="lstm"),
        training=TextTraining(
            epochs=6,
            batch_size=32,
            window=128,
            learning_rate=6e-3,
            warmup_epochs=0.25,
            clip_norm=1.0,
            jit=True,
        ),
    ),
}

FAMILY: Family[TextConfig, TextSpec] = Family(
    name="text",
    summary="Recurrent networks that continue a text, character by character.",
    reads="text",
    presets=PRESETS,
    build=build,
    bfloat16_pays_on_cpu=lambda config, spec: config.units >= WIDE,
    best=Monitor(metric="val_loss", mode="min"),
    signatures=text_signatures.signatures,
    measure=text_figures.measure,
    headline=(
        "test {bits_per_character:.3f} bits per character "
        "({nats_per_character:.4f} nats, perplexity {perplexity:.2f}) on {examples:,} unseen ones"
    ),
    observe=text_observations.observe,
)
