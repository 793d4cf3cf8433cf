"""Of what Keras and TensorFlow say in twenty lines, the one that says what is wrong is quoted."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from export.reasons import reason


class Refusing(layers.Layer):
    def call(self, x):
        raise ValueError("the mask does not fit")


def called(function):
    with pytest.raises((ValueError, tf.errors.OpError)) as caught:
        function()
    return reason(caught.value)


def test_a_layer_of_keras_is_quoted_without_where_it_was_called():
    x = np.ones((2, 3), np.float32)
    assert called(lambda: Refusing()(x)) == "the mask does not fit"
    assert called(lambda: tf.function(lambda: Refusing()(x))()) == "the mask does not fit"
    assert called(lambda: keras.Model(y := keras.Input((3,)), Refusing()(y))) == (
        "the mask does not fit"
    )


def test_a_graph_is_quoted_without_the_calls_that_led_there():
    def looked_up(index):
        return tf.gather(tf.ones([3]), index)

    said = called(lambda: tf.function(looked_up)(tf.constant([5])))
    assert said.startswith("indices[0] = 5 is not in [0, 3)")


def test_an_error_without_a_text_is_named():
    assert reason(RuntimeError()) == "RuntimeError()"
