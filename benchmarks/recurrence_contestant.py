"""One contestant of `benchmarks.recurrence`: trains for a second whenever a line comes in.

python recurrence_contestant.py KIND CELL UNITS PRECISION THREADS
"""

import sys
from collections.abc import Callable

from benchmarks.contestant import answer, prepare

EMBEDDING, VOCABULARY, STEPS, BATCH = 64, 65, 128, 64


def main(kind: str, cell: str, units: str, precision: str, threads: str) -> None:
    """Answers each line with the milliseconds of a step."""
    make = {"torch": _torch, "product": _product}.get(kind, _keras)
    answer(make(kind, cell, int(units), precision, int(threads)))


def _product(kind: str, cell: str, units: int, precision: str, threads: int) -> Callable[[], None]:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    matrix = tf.random.normal([1024, 1024])
    return lambda: tf.matmul(matrix, matrix).numpy()


def _keras(kind: str, cell: str, units: int, precision: str, threads: int) -> Callable[[], None]:
    prepare(precision, threads, keeps_heap=kind == "ours")
    import keras
    import tensorflow as tf

    from keras_models import recurrent

    module = recurrent if kind == "ours" else keras.layers
    name = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}[cell]
    tokens = keras.Input((STEPS,), BATCH, dtype="int32")
    x = keras.layers.Embedding(VOCABULARY, EMBEDDING)(tokens)
    x = getattr(module, name)(units, return_sequences=True)(x)
    model = keras.Model(tokens, keras.layers.Dense(VOCABULARY, dtype="float32")(x))
    model.compile(
        "adam",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=kind == "ours" and recurrent.can_be_compiled_whole(),
    )
    text = tf.random.uniform([BATCH, STEPS + 1], 0, VOCABULARY, tf.int32, seed=0)
    batch = tf.data.Dataset.from_tensors((text[:, :-1], text[:, 1:])).cache().repeat()
    batches = iter(batch)
    model.make_train_function()
    return lambda: model.train_function(batches)["loss"].numpy()


def _torch(kind: str, cell: str, units: int, precision: str, threads: int) -> Callable[[], None]:
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layer = getattr(torch.nn, cell.upper())

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(VOCABULARY, EMBEDDING)
            self.recurrent = layer(EMBEDDING, units, batch_first=True)
            self.logits = torch.nn.Linear(units, VOCABULARY)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.logits(self.recurrent(self.embedding(tokens))[0])

    network = Network()
    optimizer = torch.optim.Adam(network.parameters())
    text = torch.randint(VOCABULARY, (BATCH, STEPS + 1))

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = network(text[:, :-1])
        loss = torch.nn.functional.cross_entropy(
            logits.float().reshape(-1, VOCABULARY), text[:, 1:].reshape(-1)
        )
        loss.backward()
        optimizer.step()
        loss.item()

    return step


if __name__ == "__main__":
    main(*sys.argv[1:])
