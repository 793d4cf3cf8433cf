"""The counter-based generator: the published bits, the same in NumPy, and in ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from export import onnx_file
from keras_models import counter_random
from keras_models.signature import Signature, Tensor
from serving import counter_random as in_numpy

KNOWN = [  # seed, counter, bits: tests/kat_vectors of Random123, threefry2x32 20
    (0, (0, 0), (0x6B200159, 0x99BA4EFE)),
    (0x03707344_13198A2E, (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]
SEED = 0x0123_4567_89AB_CDEF


def int64(value):
    return tf.constant(value, tf.int64)


@pytest.mark.parametrize(("seed", "counter", "expected"), KNOWN)
def test_the_bits_are_those_of_threefry(seed, counter, expected):
    assert tuple(map(int, counter_random.bits(int64(seed), *map(int64, counter)))) == expected
    assert tuple(map(int, in_numpy.bits(seed, *map(np.asarray, counter)))) == expected


def test_numpy_and_onnx_runtime_draw_what_tensorflow_draws(tmp_path):
    signature = Signature(
        name="draw",
        function=lambda seed, row: {
            "uniform": counter_random.uniform(seed, row[:, tf.newaxis], tf.range(7, dtype=tf.int64))
        },
        inputs=(
            Tensor(name="seed", dtype="int64", shape=()),
            Tensor(name="row", dtype="int64", shape=("batch",)),
        ),
        outputs=(Tensor(name="uniform", dtype="float32", shape=("batch", 7)),),
    )
    rows = np.array([0, 1, 5, 2**32 - 1])
    expected = signature.function(seed=int64(SEED), row=int64(rows))["uniform"]
    onnx_file.write(signature, tmp_path / "draw.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "draw.onnx")
    (drawn,) = session.run(None, {"seed": np.array(SEED), "row": rows})
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(
        in_numpy.uniform(SEED, rows[:, np.newaxis], np.arange(7)), expected
    )


def test_uniform_numbers_are_even_and_normal_ones_are_normal():
    counters = int64(np.arange(200_000))
    uniform = counter_random.uniform(int64(SEED), counters, int64(3)).numpy()
    assert uniform.min() > 0
    assert uniform.max() < 1
    counts, _ = np.histogram(uniform, 100, (0, 1))
    # χ² of 99 degrees of freedom: 99 ± 14.
    assert 50 < np.sum((counts - 2000) ** 2 / 2000) < 150
    normal = counter_random.normal(int64(SEED), counters, int64(3)).numpy()
    assert np.abs(np.mean(normal)) < 0.01
    assert np.std(normal) == pytest.approx(1, abs=0.01)
    assert np.mean(np.abs(normal) < 1) == pytest.approx(0.6827, abs=0.005)


def test_neighbouring_counters_and_seeds_have_nothing_in_common():
    draws = [
        counter_random.uniform(int64(seed), int64(np.arange(20_000)), int64(row)).numpy()
        for seed, row in ((1, 0), (1, 1), (2, 0), (2**32 + 1, 0))
    ]
    assert np.abs(np.corrcoef(draws) - np.eye(4)).max() < 0.03
