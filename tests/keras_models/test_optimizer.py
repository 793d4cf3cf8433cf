"""The optimizer that passes over memory once moves weights as Keras' own does."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.optimizer import AdamW


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("beta_1", [0.0, 0.9])
def test_it_goes_where_keras_own_goes(beta_1, jit):
    random = np.random.default_rng(0)
    start = [random.normal(size=shape).astype(np.float32) for shape in ((30, 20), (20,))]
    ends = []
    for kind in (keras.optimizers.AdamW, AdamW):
        weights = [keras.Variable(value) for value in start]
        optimizer = kind(keras.optimizers.schedules.CosineDecay(0.1, 30), 0.01, beta_1=beta_1)
        optimizer.build(weights)
        apply = tf.function(optimizer.apply, jit_compile=jit)
        for gradients in itertools.repeat([tf.constant(value) for value in start], 20):
            apply(gradients)
        ends.append([*weights, *optimizer.variables])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=5e-5)
    assert np.abs(ends[0][0].numpy() - start[0]).max() > 0.1


def test_gradients_of_an_embedding_are_taken():
    ends = []
    for kind in (keras.optimizers.AdamW, AdamW):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Embedding(9, 4)])
        model.compile(kind(0.1), "mse")
        model.fit(np.array([[1, 2, 2], [5, 5, 1]]), np.ones((2, 3, 4)), epochs=3, verbose=0)
        ends.append(model.get_weights())
    np.testing.assert_allclose(*ends, rtol=1e-4, atol=1e-6)
