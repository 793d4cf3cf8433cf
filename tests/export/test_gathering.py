"""What is picked by number is picked by one operator, from the end too."""

import keras
import numpy as np
from keras import layers, ops

from tests.export.exported import exported


def test_an_embedding_is_one_operator(tmp_path):
    ids = keras.Input((None,), dtype="int32", name="ids")
    model = keras.Model(ids, layers.Embedding(5, 3)(ids))
    given = np.array([[0, 4, -1, -5]], np.int32)
    (answer,), _, kinds = exported(model, tmp_path, ids=given)
    assert kinds == ["Gather"]
    np.testing.assert_array_equal(answer, model(given))


def test_numbers_that_are_known_are_counted_from_the_end_too(tmp_path):
    x = keras.Input((4, 3), name="x")
    model = keras.Model(x, layers.Lambda(lambda x: ops.take(x, [-1, 0, -4], axis=1))(x))
    given = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    (answer,), _, _ = exported(model, tmp_path, x=given)
    np.testing.assert_array_equal(answer, given[:, [-1, 0, -4]])
