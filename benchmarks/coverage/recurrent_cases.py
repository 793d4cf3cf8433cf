"""Every recurrent variant: cells, directions, masks, states, wrappers."""

import keras
from keras import layers as L

from benchmarks.coverage.case import Case, one, two

CELLS = ("SimpleRNN", "LSTM", "GRU")
SEQUENCES = {"return_sequences": True}


def cases() -> list[Case]:
    """Returns all of them."""
    native, looped = {}, {}
    for kind in CELLS:
        native |= _native(kind)
        looped |= _looped(kind)
    native |= _structures()
    looped |= _custom()
    return [
        Case(
            group="recurrent", name=name, build=build, loops=is_looped,
            draw=_draws(name),
        )
        for found, is_looped in ((native, False), (looped, True))
        for name, build in found.items()
    ]  # fmt: skip


def _draws(name):
    if "holes" in name:
        return {"x": _with_zeros}
    if "masked" in name:
        return {"x": _ragged}
    return {}


def _with_zeros(random, shape):
    ids = random.integers(1, 11, shape)
    return ids * (random.random(shape) < 0.6)


def _ragged(random, shape):
    import numpy as np

    ids = random.integers(1, 11, shape)
    lengths = 1 + np.arange(shape[0]) % shape[1]
    return ids * (np.arange(shape[1]) < lengths[:, None])


def _ids(function):
    """A model of token ids, masked where they are 0."""
    return one(lambda x: function(L.Embedding(11, 4, mask_zero=True)(x)), None, dtype="int32")


def _native(kind):
    layer = getattr(L, kind)
    found = {
        "last": lambda: one(layer(5), None, 4),
        "sequences": lambda: one(layer(5, **SEQUENCES), None, 4),
        "fixed time": lambda: one(layer(5, **SEQUENCES), 7, 4),
        "one step": lambda: one(layer(5), 1, 4),
        "unrolled": lambda: one(layer(5, unroll=True), 7, 4),
        "no bias": lambda: one(layer(5, use_bias=False), None, 4),
        "go_backwards": lambda: one(layer(5, **SEQUENCES, go_backwards=True), None, 4),
        "go_backwards last": lambda: one(layer(5, go_backwards=True), None, 4),
        "return_state": lambda: one(layer(5, **SEQUENCES, return_state=True), None, 4),
        "dropout": lambda: one(layer(5, dropout=0.3, recurrent_dropout=0.3), None, 4),
        "relu": lambda: one(layer(5, activation="relu"), None, 4),
        "linear": lambda: one(layer(5, activation=None), None, 4),
        "stacked": lambda: one(
            lambda x: layer(3)(layer(4, **SEQUENCES)(layer(5, **SEQUENCES)(x))), None, 4
        ),
        "masked": lambda: _ids(layer(5)),
        "masked sequences": lambda: _ids(layer(5, **SEQUENCES)),
        "masked zero_output_for_mask": lambda: _ids(
            lambda x: L.RNN(getattr(L, f"{kind}Cell")(5), **SEQUENCES, zero_output_for_mask=True)(x)
        ),
        "masked go_backwards": lambda: _ids(layer(5, **SEQUENCES, go_backwards=True)),
        "masked stacked": lambda: _ids(lambda x: layer(3)(layer(5, **SEQUENCES)(x))),
        "masked bidirectional": lambda: _ids(L.Bidirectional(layer(5, **SEQUENCES))),
        "masked bidirectional last": lambda: _ids(L.Bidirectional(layer(5))),
        "masked return_state": lambda: _ids(layer(5, **SEQUENCES, return_state=True)),
        "mask with holes": lambda: _ids(layer(5)),
        "mask with holes sequences": lambda: _ids(layer(5, **SEQUENCES)),
        "mask with holes bidirectional": lambda: _ids(L.Bidirectional(layer(5, **SEQUENCES))),
        "Masking": lambda: one(lambda x: layer(5)(L.Masking()(x)), None, 4),
        "explicit mask": lambda: two(
            lambda x: layer(5)(x[0], mask=x[1][..., 0] > 0.0), (6, 4), (6, 1)
        ),
        "as cell": lambda: one(L.RNN(getattr(L, f"{kind}Cell")(5), **SEQUENCES), None, 4),
        "stacked cells": lambda: one(
            L.RNN([getattr(L, f"{kind}Cell")(n) for n in (5, 3)], **SEQUENCES), None, 4
        ),
        "mixed_float16": lambda: one(layer(5, dtype="mixed_float16"), None, 4),
        "float16": lambda: one(layer(5, dtype="float16"), None, 4, dtype="float16"),
        "after TimeDistributed": lambda: one(
            lambda x: layer(5)(L.TimeDistributed(L.Dense(3))(x)), None, 4
        ),
        "before TimeDistributed": lambda: one(
            lambda x: L.TimeDistributed(L.Dense(3))(layer(5, **SEQUENCES)(x)), 7, 4
        ),
        "stateful": lambda: _stateful(layer),
        "shared": lambda: _shared(layer(5)),
    }
    for merge in ("concat", "sum", "mul", "ave", None):
        found[f"bidirectional {merge}"] = lambda m=merge: one(
            L.Bidirectional(layer(5, **SEQUENCES), merge_mode=m), None, 4
        )
        found[f"bidirectional last {merge}"] = lambda m=merge: one(
            L.Bidirectional(layer(5), merge_mode=m), None, 4
        )
    found["bidirectional states"] = lambda: one(
        L.Bidirectional(layer(5, return_state=True)), None, 4
    )
    found["bidirectional two kinds"] = lambda: one(
        L.Bidirectional(layer(5), backward_layer=L.GRU(5, go_backwards=True)), None, 4
    )
    count = 2 if kind == "LSTM" else 1
    found["initial_state"] = lambda: two(
        lambda x: layer(5)(x[0], initial_state=list(x[1:])), (None, 4), *((5,),) * count
    )
    if kind == "GRU":
        found |= {
            "reset_after False": lambda: one(layer(5, reset_after=False), None, 4),
            "reset_after False masked": lambda: _ids(layer(5, reset_after=False)),
            "reset_after False no bias": lambda: one(
                layer(5, reset_after=False, use_bias=False), None, 4
            ),
        }
    if kind != "SimpleRNN":
        found["hard_sigmoid"] = lambda: one(layer(5, recurrent_activation="hard_sigmoid"), None, 4)
    return {f"{kind} {name}": build for name, build in found.items()}


def _shared(layer):
    return two(lambda x: layer(x[0]) + layer(x[1]), (None, 4), (None, 4))


def _stateful(layer):
    x = keras.Input(batch_shape=(2, 6, 4), name="x")
    return keras.Model(x, layer(5, stateful=True, name="memory")(x))


def _looped(kind):
    layer = getattr(L, kind)
    return {
        f"{kind} gelu": lambda: one(layer(5, activation="gelu"), None, 4),
        f"{kind} swish sequences": lambda: one(layer(5, activation="swish", **SEQUENCES), None, 4),
        f"{kind} float64": lambda: one(layer(5, dtype="float64"), None, 4, dtype="float64"),
    }


def _structures():
    def seq2seq():
        source = keras.Input((None,), dtype="int32", name="source")
        target = keras.Input((None,), dtype="int32", name="target")
        _, h, c = L.LSTM(6, return_state=True)(L.Embedding(11, 4)(source))
        y = L.LSTM(6, return_sequences=True)(L.Embedding(11, 4)(target), initial_state=[h, c])
        return keras.Model([source, target], L.Dense(11, activation="softmax")(y))

    def crnn():
        x = keras.Input((32, None, 1), name="image")
        y = L.MaxPooling2D((4, 2))(L.Conv2D(6, 3, padding="same", activation="relu")(x))
        y = L.Reshape((-1, 48))(L.Permute((2, 1, 3))(y))
        y = L.Bidirectional(L.LSTM(5, return_sequences=True))(y)
        return keras.Model(x, L.Dense(9, activation="softmax")(y))

    return {
        "sequence to sequence": seq2seq,
        "convolution, then LSTM": crnn,
        "TimeDistributed Conv2D": lambda: one(
            L.TimeDistributed(L.Conv2D(3, 3, padding="same")), None, 6, 7, 2
        ),
        "TimeDistributed network": lambda: one(
            lambda x: L.LSTM(4)(
                L.TimeDistributed(
                    keras.Sequential([L.Conv2D(3, 3), L.MaxPooling2D(), L.Flatten(), L.Dense(5)])
                )(x)
            ),
            None, 8, 8, 1,
        ),
        "TimeDistributed LSTM": lambda: one(L.TimeDistributed(L.LSTM(4)), 3, 5, 2),
        "attention over LSTM": lambda: one(
            lambda x: L.Attention()([(y := L.LSTM(5, **SEQUENCES)(x)), y]), None, 4
        ),
    }  # fmt: skip


@keras.saving.register_keras_serializable("coverage")
class MinimalCell(L.Layer):
    """Keras' documentation's example of a cell of one's own."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units, self.state_size, self.output_size = units, units, units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")

    def call(self, inputs, states, training=False):
        h = keras.ops.matmul(inputs, self.kernel) + keras.ops.matmul(states[0], self.recurrent)
        return keras.ops.tanh(h), [keras.ops.tanh(h)]


def _custom():
    found = {
        "custom cell": lambda: one(L.RNN(MinimalCell(5), **SEQUENCES), None, 4),
        "custom cell masked": lambda: _ids(L.RNN(MinimalCell(5))),
        "custom cell bidirectional": lambda: one(
            L.Bidirectional(L.RNN(MinimalCell(5), **SEQUENCES)), None, 4
        ),
        "stacked custom cells": lambda: one(
            L.RNN([MinimalCell(5), L.GRUCell(3)], **SEQUENCES), None, 4
        ),
    }
    for rank, size in {1: (8,), 2: (8, 7), 3: (5, 6, 4)}.items():
        layer = getattr(L, f"ConvLSTM{rank}D")
        for name, options in {
            "": {},
            " sequences same": {"return_sequences": True, "padding": "same"},
            " strides 2": {"strides": 2},
            " states": {"return_state": True},
        }.items():
            found[f"ConvLSTM{rank}D{name}"] = lambda c=layer, o=options, s=size: one(
                c(3, 3, **o), 4, *s, 2
            )
    found["ConvLSTM2D free time"] = lambda: one(
        L.ConvLSTM2D(3, 3, padding="same", **SEQUENCES), None, 8, 7, 2
    )
    found["ConvLSTM2D bidirectional"] = lambda: one(
        L.Bidirectional(L.ConvLSTM2D(3, 3, padding="same", **SEQUENCES)), 4, 8, 7, 2
    )
    found["ConvLSTM2D go_backwards"] = lambda: one(
        L.ConvLSTM2D(3, 3, go_backwards=True, **SEQUENCES), 4, 8, 7, 2
    )
    return found
