"""Two bounds become one operator where their order does not count, and answer as Keras does."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.export.exported import exported

NUMBERS = np.array([[-np.inf, -3, -1, -0.5, 0.5, 1, 3, np.inf, np.nan]], np.float32)


def kinds_of(function, folder):
    """Exports a function as a model, compares, and returns the kinds of its operators."""
    x = keras.Input((9,), name="x")
    (answer,), _, kinds = exported(keras.Model(x, layers.Lambda(function)(x)), folder, x=NUMBERS)
    np.testing.assert_array_equal(answer, function(ops.convert_to_tensor(NUMBERS)))
    return kinds


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.clip(x, -1, 2),
        lambda x: ops.minimum(ops.maximum(x, -1.0), 2.0),
        lambda x: ops.maximum(-1.0, ops.minimum(2.0, x)),
    ],
    ids=["clip", "largest first", "bounds first"],
)
def test_two_bounds_are_one_operator(function, tmp_path):
    assert kinds_of(function, tmp_path) == ["Clip"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.maximum(ops.minimum(x, -1.0), 2.0),
        lambda x: ops.maximum(ops.minimum(x, 2.0), -1.0) + ops.minimum(x, 2.0),
        lambda x: ops.minimum(ops.maximum(x, np.arange(9, dtype=np.float32)), 2.0),
    ],
    ids=["nothing between", "the middle is read", "a bound for each"],
)
def test_bounds_stay_two_where_one_would_be_another(function, tmp_path):
    assert {"Min", "Max"} <= set(kinds_of(function, tmp_path))
