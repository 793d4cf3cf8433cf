"""Hashes of numbers in ONNX Runtime fall into the same bins as Keras' own."""

import keras
import numpy as np
import onnxruntime
import pytest
from keras import layers

from export import onnx_file, own_signature
from keras_models.errors import BadInput

RANDOM = np.random.default_rng(0)
LIMITS = np.iinfo(np.int64)
OF_ALL_LENGTHS = [0, -1, LIMITS.min, LIMITS.max] + [
    sign * number
    for digits in range(1, 19)
    for number in (10**digits, 10**digits - 1, int(RANDOM.integers(10 ** (digits - 1), 10**digits)))
    for sign in (1, -1)
]
"""Integers whose text has 1 to 20 characters: FarmHash has a way of its own for 1, 4, 8 and 17."""


def answers(function, folder, *inputs):
    """What ONNX Runtime and Keras answer for a function of tensors."""
    given = [
        keras.Input(x.shape[1:], dtype=str(x.dtype), name=f"x{i}") for i, x in enumerate(inputs)
    ]
    model = keras.Model(given, function(*given))
    onnx_file.write(own_signature.signature_of(model), folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    made = session.run(None, {f"x{i}": x for i, x in enumerate(inputs)})
    return made, [np.asarray(one) for one in keras.tree.flatten(model(list(inputs)))]


def assert_equal(made, expected):
    for one, value in zip(made, expected, strict=True):
        assert one.dtype == value.dtype
        np.testing.assert_array_equal(one, value)


def test_integers_of_every_length_fall_into_their_bins(tmp_path):
    x = np.array(OF_ALL_LENGTHS, np.int64).reshape(-1, 4)
    made, expected = answers(
        lambda x: [
            layers.Hashing(1_000_003)(x),
            layers.Hashing(7, mask_value=0)(x),
            layers.Hashing(7, output_mode="multi_hot")(x),
            layers.Hashing(1_000_003, salt=3)(x),
            layers.Hashing(1_000_003, salt=[2**60 + 1, 1337])(x),
        ],
        tmp_path,
        x,
    )
    assert np.unique(expected[0]).size > 100
    assert_equal(made, expected)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_numbers_of_other_types_are_hashed_as_integers(dtype, tmp_path):
    x = RANDOM.uniform(0, 250, (20, 3)).astype(dtype)
    assert_equal(*answers(layers.Hashing(1_000_003), tmp_path, x))


def test_two_integers_are_crossed(tmp_path):
    x = np.array(OF_ALL_LENGTHS, np.int64)[:, np.newaxis]
    made, expected = answers(
        lambda a, b: [
            layers.HashedCrossing(1_000_003)((a, b)),
            layers.HashedCrossing(7, output_mode="one_hot")((a, b)),
        ],
        tmp_path,
        x,
        x[::-1].copy(),
    )
    assert np.unique(expected[0]).size > 100
    assert_equal(made, expected)


def test_a_hash_of_text_is_refused(tmp_path):
    x = keras.Input((1,), dtype="string", name="x")
    model = keras.Model(x, layers.Hashing(7, name="words")(x))
    with pytest.raises(BadInput, match=r"words \(Hashing\) computes on strings"):
        onnx_file.write(own_signature.signature_of(model), tmp_path / "model.onnx")
