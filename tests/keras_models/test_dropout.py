"""Dropout by hashing drops what it should, and never the same twice."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.dropout import Dropout

SHAPE = (64, 50, 100)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_that_is_asked_for_is_dropped_and_the_mean_stays(rate, jit):
    layer = Dropout(rate, seed=3)
    call = tf.function(lambda x: layer(x, training=True), jit_compile=jit)
    dropped = call(tf.ones(SHAPE)).numpy()
    # 320,000 draws: a standard deviation is below 0.001.
    assert np.mean(dropped == 0) == pytest.approx(rate, abs=0.004)
    np.testing.assert_allclose(dropped[dropped > 0], 1 / (1 - rate), rtol=1e-6)
    for axis in range(3):
        shares = np.mean(dropped == 0, axis=tuple({0, 1, 2} - {axis}))
        assert np.abs(shares - rate).max() < 0.05


def test_each_call_and_each_seed_drops_others():
    first, second = Dropout(0.5, seed=1), Dropout(0.5, seed=2)
    kept = [
        np.asarray(layer(tf.ones(SHAPE), training=True)).ravel() > 0
        for layer in (first, first, second)
    ]
    assert np.abs(np.corrcoef(kept) - np.eye(3)).max() < 0.02
    neighbours = np.corrcoef(kept[0][:-1], kept[0][1:])[0, 1]
    assert abs(neighbours) < 0.02
    again = Dropout(0.5, seed=1)
    np.testing.assert_array_equal(
        np.asarray(again(tf.ones(SHAPE), training=True)).ravel() > 0, kept[0]
    )


def test_one_mask_may_serve_all_time_steps():
    layer = Dropout(0.5, noise_shape=(None, 1, None), seed=1)
    dropped = np.asarray(layer(tf.ones(SHAPE), training=True))
    np.testing.assert_array_equal(dropped[:, :1].repeat(50, axis=1), dropped)
    assert 0.45 < np.mean(dropped == 0) < 0.55


def test_at_inference_and_at_rate_zero_nothing_happens():
    x = tf.random.normal(SHAPE)
    np.testing.assert_array_equal(Dropout(0.5)(x, training=False), x)
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)


def test_bfloat16_stays_bfloat16():
    dropped = Dropout(0.5, dtype="bfloat16")(tf.ones((8, 8), tf.bfloat16), training=True)
    assert dropped.dtype == keras.backend.standardize_dtype("bfloat16")
