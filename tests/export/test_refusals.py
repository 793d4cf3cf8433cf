"""What ONNX cannot express is refused by the layer that needs it, with the reason and a way round.

Layers are found inside of models, in loops, and where a model calls them in Python.
"""

import keras
import numpy as np
import pytest
from keras import layers, ops

from export import onnx_file, own_signature
from keras_models.errors import BadInput


class Inverse(layers.Layer):
    """A layer of the user's own, of which ONNX has no operator."""

    def call(self, x):
        return ops.nextafter(x, 1.0)


class Partition(layers.Layer):
    """Partitions each row of a batch, which Keras takes for one."""

    def call(self, x):
        return ops.argpartition(x, 2)


class Cell(layers.Layer):
    state_size = 4

    def call(self, x, states):
        h = ops.nextafter(x + states[0], 1.0)
        return h, [h]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.tail = layers.Dense(4), Inverse(name="tail")

    def call(self, x):
        return self.tail(self.tail(self.first(x)))


def subclassed():
    model = Subclassed()
    model(np.zeros((2, 3), np.float32))
    return model


def nested():
    x = keras.Input((3,), name="x")
    encoder = keras.Sequential([keras.Input((4,)), Inverse(name="deep")], name="encoder")
    return keras.Model(x, encoder(layers.Dense(4, name="deep")(x)))


def looped():
    x = keras.Input((5, 4), name="x")
    return keras.Model(x, layers.RNN(Cell(name="cell"), name="rnn")(x))


def function():
    x = keras.Input((3,), name="x")
    return keras.Model(x, layers.Dense(2)(ops.nextafter(x, 1.0)))


def of(operation):
    def build():
        x = keras.Input((4,), name="x")
        return keras.Model(x, operation(x))

    return build


def words():
    text = keras.Input((), dtype="string", name="text")
    table = layers.TextVectorization(vocabulary=["a", "cat"], name="words")
    return keras.Model(text, layers.Embedding(4, 2)(table(text)))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (subclassed, ": tail (Inverse) uses NextAfter, and"),
        (nested, ": encoder/deep (Inverse) uses NextAfter, and"),
        (looped, ": rnn/cell (Cell) uses NextAfter, and"),
        (function, " (Nextafter) uses NextAfter, and"),
        (of(lambda x: ops.view(x, "int32")), " (View) uses Bitcast, and"),
        (of(lambda x: ops.polar(x, x)), " (Polar) uses Complex, and"),
        (words, ": words (TextVectorization) computes on strings, and"),
    ],
)
def test_the_layer_is_named_with_the_reason_and_the_way_round(build, says, tmp_path):
    with pytest.raises(BadInput) as refused:
        onnx_file.write(own_signature.signature_of(build()), tmp_path / "model.onnx")
    assert says in str(refused.value)
    assert "--format savedmodel" in str(refused.value)
    assert not (tmp_path / "model.onnx").exists()


def test_what_keras_itself_cannot_compute_names_the_layer_and_the_way_round(tmp_path):
    x = keras.Input((4,), name="x")
    chosen = keras.Sequential([Partition(name="smallest")], name="choice")
    with pytest.raises(BadInput, match=r"at choice/smallest \(Partition\): .*; use ops.argsort"):
        onnx_file.write(
            own_signature.signature_of(keras.Model(x, chosen(x))), tmp_path / "model.onnx"
        )


class Halved(layers.Layer):
    """Gives half of the channels that it says it gives."""

    def call(self, x):
        return ops.split(x, 2, axis=-1)[0]

    def compute_output_shape(self, shape):
        return shape


def test_a_model_that_keras_itself_cannot_call_is_refused_as_that(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2, name="head")(Halved()(x)), name="mistaken")
    with pytest.raises(BadInput, match=r"Keras itself cannot call mistaken: .*layer 'head'"):
        onnx_file.write(own_signature.signature_of(model), tmp_path / "model.onnx")
