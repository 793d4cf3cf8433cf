"""Functions of keras.ops that tf2onnx has no translation for, beside Keras in ONNX Runtime."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from keras import layers, ops

from export import onnx_file, own_signature

RANDOM = np.random.default_rng(0)
MOVES = np.array(
    [[1, 0.2, -1, 0.1, 1, 0.5, 0, 0], [1.3, 0.1, -9, 0.2, 0.5, 12, 0.01, 0.02]], np.float32
)
"""A shear; and one in perspective, from far outside of the image."""


def normal(*shape, dtype=np.float32):
    return RANDOM.normal(size=shape).astype(dtype)


def answers(function, folder, *inputs):
    """What the graph and Keras answer for a function of tensors, by name; and the operators."""
    given = [
        keras.Input(x.shape[1:], dtype=str(x.dtype), name=f"x{i}") for i, x in enumerate(inputs)
    ]
    model = keras.Model(given, function(*given))
    signature = own_signature.signature_of(model)
    onnx_file.write(signature, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    made = session.run(None, {f"x{i}": x for i, x in enumerate(inputs)})
    names = [one.name for one in session.get_outputs()]
    kinds = [node.op_type for node in onnx.load(folder / "model.onnx").graph.node]
    asked = {f"x{i}": tf.constant(x) for i, x in enumerate(inputs)}
    expected = {name: np.asarray(one) for name, one in signature.function(**asked).items()}
    return dict(zip(names, made, strict=True)), expected, kinds


def assert_alike(function, folder, *inputs, share=2e-6):
    """Asserts equal types, shapes and numbers, these up to a share of the largest."""
    made, expected, kinds = answers(function, folder, *inputs)
    for name, value in expected.items():
        assert (made[name].dtype, made[name].shape) == (value.dtype, value.shape), name
        finite = np.abs(value[np.isfinite(value)]) if value.dtype.kind == "f" else value
        np.testing.assert_allclose(
            made[name], value, rtol=0, atol=share * finite.max(initial=1.0), err_msg=name
        )
    return kinds


class Quantiles(layers.Layer):
    def call(self, p):
        return tf.math.ndtri(p)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantiles_go_to_infinity_where_keras_does(dtype, tmp_path):
    few = [0, 1, -1, 1 - 6e-8, -1 + 6e-8, 2, np.nan, np.inf, 0.7293, -0.7294, 1e-8, 1e-14, 1e-30]
    x = np.concatenate([few, np.tanh(normal(500) * 3)]).astype(dtype)[np.newaxis]
    assert_alike(
        lambda x: {"erfinv": ops.erfinv(x), "ndtri": Quantiles(dtype=str(np.dtype(dtype)))(x)},
        tmp_path,
        x,
    )


def test_colors_are_turned_both_ways(tmp_path):
    colors = RANDOM.uniform(size=(2, 6, 4, 3)).astype(np.float32)
    colors[0, 0], colors[0, 1], colors[0, 2, :, 2] = 0, 0.5, colors[0, 2, :, 1]  # black, gray, tied
    assert_alike(
        lambda x: {"hsv": ops.image.rgb_to_hsv(x), "rgb": ops.image.hsv_to_rgb(x)},
        tmp_path,
        colors,
    )


@pytest.mark.parametrize("size", [3, 10])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrices_are_inverted_and_decomposed(size, dtype, tmp_path):
    any_, b = normal(4, size, size, dtype=dtype), normal(4, size, 2, dtype=dtype)
    definite = any_ @ any_.swapaxes(1, 2) + size * np.eye(size, dtype=dtype)

    def functions(a, definite, b):
        sign, logarithm = ops.slogdet(a)
        return {
            "inverse": ops.inv(definite),
            "solution": ops.solve(a, b),
            "of one vector": ops.solve(a, b[..., 0]),
            "det": ops.det(a),
            "sign": sign,
            "logarithm": logarithm,
            "lower": ops.cholesky(definite),
            "upper": ops.cholesky(definite, upper=True),
            "logdet": ops.logdet(definite),
            "substituted": ops.solve_triangular(definite, b, lower=True),
            "from below": ops.solve_triangular(definite, b),
            "inverse by root": ops.cholesky_inverse(definite),
        }

    share = 1e-4 if dtype == np.float32 else 1e-6  # Keras computes logdet in float32
    kinds = assert_alike(functions, tmp_path, any_, definite, b, share=share)
    assert ("Loop" in kinds) is (size > 8)


def test_a_matrix_without_an_inverse_has_the_determinant_zero(tmp_path):
    singular = np.array([np.ones((3, 3)), np.zeros((3, 3)), np.eye(3)], np.float32)
    made, expected, _ = answers(
        lambda a: dict(zip(("sign", "logarithm"), ops.slogdet(a), strict=True)), tmp_path, singular
    )
    assert made["sign"].tolist() == expected["sign"].tolist() == [0, 0, 1]
    assert made["logarithm"].tolist() == expected["logarithm"].tolist() == [-np.inf, -np.inf, 0]


def test_one_matrix_is_not_taken_for_several(tmp_path):
    def functions(x):
        return {"inverse": ops.inv(x[0]), "sign": ops.slogdet(x[0])[0], "root": ops.cholesky(x[1])}

    assert_alike(functions, tmp_path, np.array([[[1, 2], [3, 1]], [[2, 1], [1, 2]]], np.float32))


def test_a_place_in_a_sorted_sequence_is_before_or_after_its_equals(tmp_path):
    x = np.array([[0, -5, 1, 0.5, 7]], np.float32)

    def functions(x):
        bounds, values = ops.array([-1.0, 0.0, 0.0, 1.0]), ops.reshape(x, (-1,))
        return {side: ops.searchsorted(bounds, values, side=side) for side in ("left", "right")}

    made, _, _ = answers(functions, tmp_path, x)
    assert made["left"].tolist() == np.searchsorted([-1, 0, 0, 1], x[0]).tolist()
    assert made["right"].tolist() == np.searchsorted([-1, 0, 0, 1], x[0], side="right").tolist()


def test_sound_comes_back_from_its_frames(tmp_path):
    def functions(x):
        frames, short = ops.stft(x, 8, 4, 8), ops.stft(x, 6, 3, 9)
        return {
            "centered": ops.istft(frames, 8, 4, 8),
            "not centered": ops.istft(frames, 8, 4, 8, center=False),
            "of a length": ops.istft(frames, 8, 4, 8, length=20),
            "hamming": ops.istft(frames, 8, 4, 8, window="hamming"),
            "no window": ops.istft(frames, 8, 4, 8, window=None),
            "odd": ops.istft(short, 6, 3, 9),
        }

    x = normal(3, 40)
    assert "Loop" not in assert_alike(functions, tmp_path, x)
    made, _, _ = answers(functions, tmp_path, x)
    np.testing.assert_allclose(made["centered"], x, atol=1e-5)


@pytest.mark.parametrize("mode", ["constant", "nearest", "reflect", "wrap"])
def test_images_are_warped_whatever_is_beyond_their_edges(mode, tmp_path):
    def functions(images, moves):
        return {
            way: ops.image.affine_transform(images, moves, way, mode, fill_value=0.3)
            for way in ("bilinear", "nearest")
        }

    # Places far outside are rounded themselves, and a pixel's share is what is behind their point.
    assert_alike(functions, tmp_path, normal(2, 8, 9, 3), MOVES, share=1e-5)


def test_one_move_is_made_with_all_images_of_any_type(tmp_path):
    def functions(x):
        corners = ops.array([[[0.0, 0.0], [0.0, 8.0], [7.0, 0.0], [7.0, 8.0]]] * 2)
        seen = ops.image.perspective_transform(x, corners, corners * 0.8 + 1.0)
        return {"moved": ops.image.affine_transform(x, MOVES[0]), "seen": seen}

    made, expected, _ = answers(
        functions, tmp_path, RANDOM.integers(0, 255, (2, 8, 9, 3), np.uint8)
    )
    for name, value in expected.items():
        assert made[name].dtype == value.dtype == np.uint8
        assert np.abs(made[name].astype(int) - value).max() <= 1  # cut off, not rounded


def test_windows_are_taken_out_of_images_and_put_back(tmp_path):
    settings = {"dilation": (1, 2), "padding": (1, 0), "stride": (2, 1)}

    def functions(x):
        windows = ops.unfold(x, (3, 2), **settings)
        return {"windows": windows, "image": ops.fold(windows, (8, 9), (3, 2), **settings)}

    kinds = assert_alike(functions, tmp_path, normal(2, 3, 8, 9))
    assert "Col2Im" in kinds


def test_associative_scans_need_no_loop(tmp_path):
    def after(a, b):
        return a[0] * b[0], a[1] * b[0] + b[1]

    def functions(x):
        pair = ops.associative_scan(after, (x, x * 2), axis=1)
        sums = ops.associative_scan(lambda a, b: a + b, x, reverse=True, axis=-1)
        products = ops.cumprod(x, axis=1)
        return {"product": pair[0], "sum": pair[1], "of the rest": sums, "products": products}

    assert "Loop" not in assert_alike(functions, tmp_path, normal(2, 7, 4))


def test_new_axes_stand_where_they_were_put_beside_any_ellipsis(tmp_path):
    def functions(x):
        vector = x[0, 0]
        return {
            "before a vector": vector[..., None, :],
            "after a vector": vector[..., None, None],
            "of a number": ops.sum(x)[..., None],
            "among steps": x[:, 1:, ..., None, ::-2],
            "and one taken out": x[..., None, 2:, 1],
        }

    assert_alike(functions, tmp_path, normal(3, 6, 4))


class Cache(layers.Layer):
    """Writes over one step, where it is told."""

    def call(self, x, places):
        return ops.slice_update(x, [0, places[0], 0], x[:, :1] * 2)


def test_a_slice_is_written_over_and_never_beyond_the_end(tmp_path):
    def functions(x, places):
        fixed = ops.slice_update(x, (0, 5, -2), x[:, :2, :2] * 0 + 9)
        return {"fixed": fixed, "asked": Cache()(x, places)}

    for place in (3, 99):
        assert_alike(functions, tmp_path, normal(2, 6, 4), np.array([place] * 2, np.int32))


def test_adaptive_pooling_has_the_shape_that_is_computed_not_declared(tmp_path):
    def functions(x):
        return {
            "means": ops.adaptive_average_pool(x, (3, 4)),
            "most": ops.adaptive_max_pool(x, (3, 4)),
        }

    assert_alike(functions, tmp_path, normal(2, 8, 9, 3))


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_integers_are_divided_downwards_whatever_their_signs(dtype, tmp_path):
    x, divisor = np.meshgrid(np.arange(-9, 10), [-7, -3, -1, 1, 2, 5])
    assert_alike(
        lambda x, by: {"quotient": x // by, "remainder": x % by, "by_three": x % 3},
        tmp_path,
        x.astype(dtype),
        divisor.astype(dtype),
        share=0,
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_integers_have_divisors_multiples_and_places_in_batches_of_any_size(dtype, tmp_path):
    x, y = RANDOM.integers(0, 60, (2, 5, 40)).astype(dtype)
    x[0, :2], y[0, 1:3] = 0, 0
    if dtype != np.uint8:
        x, y = x - 30, y - 30
    divisors, multiples = np.gcd(x, y), np.lcm(x, y)  # in a uint8, the last bits of them

    def functions(x, y):
        rows, columns = ops.unravel_index(ops.max(x, axis=1), (9, 7))
        return {"gcd": ops.gcd(x, y), "lcm": ops.lcm(x, y), "rows": rows, "columns": columns}

    made, _, _ = answers(functions, tmp_path, x, y)
    assert made["gcd"].tolist() == divisors.tolist()
    assert made["lcm"].tolist() == multiples.tolist()
    places = np.unravel_index(x.max(axis=1), (9, 7))
    assert [made["rows"].tolist(), made["columns"].tolist()] == [one.tolist() for one in places]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_bessel_functions_have_the_digits_of_their_type(dtype, tmp_path):
    edges = [0, 8, -8, 8.01, 88, 89, np.inf, np.nan]
    x = np.concatenate([edges, np.linspace(-20, 20, 101)])[np.newaxis].astype(dtype)
    made, expected, _ = answers(lambda x: {"i0": ops.i0(x)}, tmp_path, x)
    assert made["i0"].dtype == dtype
    np.testing.assert_allclose(made["i0"], expected["i0"], rtol=8 * np.finfo(dtype).eps)


def test_vectors_are_partitioned_and_integers_seen_without_their_sign(tmp_path):
    def functions(x):
        return {
            "all": ops.argpartition(x, 3, axis=None),
            "a row": ops.argpartition(x[0], 2),
            "bits": ops.view(x, "uint32"),
            "itself": ops.view(x, "int32"),
        }

    assert_alike(functions, tmp_path, RANDOM.integers(-9, 30, (3, 7)).astype(np.int32), share=0)


def test_polar_coordinates_lead_to_real_numbers(tmp_path):
    def functions(size, angle):
        x = ops.polar(size, angle)
        return {"real": ops.real(x), "imaginary": ops.imag(x), "angle": ops.angle(x)}

    assert_alike(functions, tmp_path, np.abs(normal(3, 4)) + 1, normal(3, 4) / 2)
