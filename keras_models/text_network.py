"""A recurrent network over characters, with its state outside: embedding → layers → logits.

The same layers are called in three ways: on a text from a state of zeros (what is saved and
served), on a window with the state that the window before it left (`text_training.py`), and on
one token (generation).
"""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf
from keras import layers

from keras_models import recurrent
from keras_models.dropout import Dropout

Cell = Literal["lstm", "gru", "rnn"]
LAYERS: dict[Cell, type[keras.layers.RNN]] = {
    "lstm": recurrent.LSTM,
    "gru": recurrent.GRU,
    "rnn": recurrent.SimpleRNN,
}
States = list[tf.Tensor]
Range = tuple[float | None, float | None]
State = tuple[str, int, Range]


class Network:
    """The layers, and how they are called.

    Attributes:
        recurrent: bottom first.
        state_names: of each state: `state_<layer>`, of an LSTM's cell state `cell_state_<layer>`.
        state_sizes: width of each.
        state_ranges: between what values each lies; None where there is no limit.
    """

    def __init__(
        self,
        embedding: layers.ReversibleEmbedding,
        recurrent: Sequence[keras.layers.RNN],
        dropout: Sequence[layers.Dropout],
        projection: layers.Dense | None,
        logits: layers.Dense | None,
    ) -> None:
        """Puts layers together; without `logits` the embedding's transpose gives them."""
        self.embedding, self.recurrent, self.dropout = embedding, recurrent, dropout
        self.projection, self.logits = projection, logits
        states = [
            state for number, one in enumerate(recurrent, start=1) for state in _states(one, number)
        ]
        self.state_names = [name for name, _, _ in states]
        self.state_sizes = [size for _, size, _ in states]
        self.state_ranges = [limits for _, _, limits in states]

    def __call__(
        self,
        tokens: Any,
        states: Sequence[Any] | None = None,
        *,
        mask: Any = None,
        training: bool | None = None,
    ) -> tuple[Any, States]:
        """Reads tokens.

        Args:
            tokens: int32 [batch, time].
            states: [batch, units] each, in the order of `state_sizes`; None for zeros.
            mask: bool [batch, time], False where a token is to be passed over; None for nowhere.
            training: whether dropout drops.

        Returns:
            float32 [batch, time, vocabulary], the logits of each next token; and the states after
            the last.
        """
        x, after, given = self.embedding(tokens), [], list(states or [])
        for layer, dropout in zip(self.recurrent, self.dropout, strict=True):
            own = [given.pop(0) for _ in _states(layer, 0)] if given else None
            x, *last = layer(x, initial_state=own, mask=mask, training=training)
            after += last
            x = dropout(x, training=training)
        if self.logits is not None:
            return self.logits(x), after
        if self.projection is not None:
            x = self.projection(x)
        return self.embedding(x, reverse=True), after

    def zeros(self, batch: Any) -> States:
        """Returns the states at the beginning of a text."""
        return [tf.zeros([batch, size]) for size in self.state_sizes]

    @classmethod
    def of(cls, model: keras.Model) -> "Network":
        """Finds the layers of a model that `made` put together, or of its saved copy."""
        found = {layer.name: layer for layer in model.layers}
        count = sum(name.startswith("recurrent_") for name in found)
        return cls(
            found["embedding"],
            [found[f"recurrent_{number}"] for number in range(1, count + 1)],
            [found[f"dropout_{number}"] for number in range(1, count + 1)],
            found.get("projection"),
            found.get("logits"),
        )


def made(
    *,
    cell: Cell,
    activation: str,
    units: int,
    depth: int,
    embedding: int,
    dropout: float,
    weight_dropout: float,
    tied: bool,
    tokens: int,
) -> Network:
    """Makes the layers, under the dtype policy in force.

    Args:
        cell: which recurrence.
        activation: of the state, tanh or relu; a layer with relu begins as the identity, or its
            state would grow or vanish (Le et al. 2015, arXiv 1504.00941).
        units: width of each recurrent layer.
        depth: how many of them.
        embedding: width of a token's vector.
        dropout: share that is dropped after each recurrent layer.
        weight_dropout: share of the recurrent weights that is dropped.
        tied: the logits use the embedding's vectors (Press and Wolf 2017).
        tokens: how many there are.
    """
    kind, numbers = LAYERS[cell], range(1, depth + 1)
    settings = {
        "return_sequences": True,
        "return_state": True,
        "activation": activation,
        "weight_dropout": weight_dropout,
        "recurrent_initializer": "identity" if activation == "relu" else "orthogonal",
    }
    return Network(
        layers.ReversibleEmbedding(
            tokens,
            embedding,
            # Keras' own tiny numbers would leave the recurrence without an input for an epoch.
            embeddings_initializer=keras.initializers.RandomNormal(
                stddev=embedding**-0.5 if tied else 1.0
            ),
            name="embedding",
        ),
        [kind(units, name=f"recurrent_{number}", **settings) for number in numbers],
        [Dropout(dropout, name=f"dropout_{number}") for number in numbers],
        layers.Dense(embedding, name="projection") if tied and embedding != units else None,
        None if tied else layers.Dense(tokens, dtype="float32", name="logits"),
    )


def _states(layer: keras.layers.RNN, number: int) -> list[State]:
    """Name, width and range of what a layer remembers: tanh keeps h within 1, c may grow."""
    free: Range = (None, None)
    h = free if layer.cell.activation is keras.activations.relu else (-1.0, 1.0)
    states = [(f"state_{number}", layer.cell.units, h)]
    if isinstance(layer, keras.layers.LSTM):
        states.append((f"cell_state_{number}", layer.cell.units, free))
    return states
