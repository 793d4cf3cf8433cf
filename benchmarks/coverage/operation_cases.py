"""Functions of `keras.ops` that models are built from."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import layers as L
from keras import ops

from benchmarks.coverage.case import Case, one, two

ANY = (
    "abs arctan arcsinh ceil cos cosh erf exp expm1 floor isfinite isinf isnan log_sigmoid "
    "logical_not negative nan_to_num relu round sigmoid sign signbit silu sin sinh softplus "
    "square tan tanh trunc"
)
POSITIVE = "log log10 log1p log2 rsqrt sqrt reciprocal cbrt"
WITHIN = "arcsin arccos arctanh"
BOTH = (
    "add arctan2 divide equal floor_divide greater greater_equal heaviside hypot less "
    "less_equal logaddexp maximum minimum mod multiply not_equal power subtract"
)
ALONG = (
    "all amax amin any argsort average count_nonzero cumsum flip log_softmax logsumexp max mean "
    "median min prod softmax sort std sum var"
)


def _positive(random: Any, shape: Any) -> Any:
    return random.uniform(0.1, 3.0, shape)


def _within(random: Any, shape: Any) -> Any:
    return random.uniform(-0.9, 0.9, shape)


def _gram(x: Any) -> Any:
    return ops.matmul(x[:, :4], _swapped(x[:, :4]))


def _swapped(x: Any) -> Any:
    return ops.transpose(x, (0, 2, 1))


def _heads(x: Any) -> Any:
    return ops.reshape(x, (-1, 6, 2, 2))


SHAPED: dict[str, Callable[[Any], Any]] = {
    "argmax": lambda x: ops.argmax(x, axis=-1),
    "argmin": lambda x: ops.argmin(x, axis=1),
    "array_split": lambda x: ops.concatenate(ops.array_split(x, 2, axis=-1)[::-1], axis=-1),
    "bincount": lambda x: ops.bincount(ops.cast(ops.abs(x[..., 0]), "int32"), minlength=9),
    "broadcast_to": lambda x: x + ops.broadcast_to(ops.ones((1, 1, 4)), (1, 6, 4)),
    "clip": lambda x: ops.clip(x, -0.5, 0.5),
    "concatenate": lambda x: ops.concatenate([x, x * 2], axis=1),
    "correlate": lambda x: ops.correlate(x[0, 0], ops.array([1.0, 2.0]), mode="same"),
    "cross": lambda x: ops.cross(x[..., :3], x[..., 1:]),
    "diagonal": lambda x: ops.diagonal(_gram(x), axis1=1, axis2=2),
    "diff": lambda x: ops.diff(x, axis=1),
    "digitize": lambda x: ops.digitize(x, np.array([-1.0, 0.0, 1.0])),
    "dot": lambda x: ops.dot(x, ops.ones((4, 3))),
    "einsum": lambda x: ops.einsum("btd,bsd->bts", x, x),
    "expand_dims": lambda x: ops.expand_dims(x, 1),
    "extract_sequences": lambda x: ops.extract_sequences(_swapped(x), 3, 2),
    "full_like": lambda x: x + ops.full_like(x, 2.0),
    "gather by take": lambda x: ops.take(x, [2, 0], axis=1),
    "in_top_k": lambda x: ops.in_top_k(ops.argmax(x[:, 1], -1), x[:, 0], 2),
    "inner": lambda x: ops.inner(x, ops.ones((3, 4))),
    "isclose": lambda x: ops.isclose(x, x + 1e-9),
    "kron": lambda x: ops.kron(x[0], ops.ones((2, 2))),
    "linspace": lambda x: x + ops.linspace(0.0, 1.0, 4),
    "logical": lambda x: ops.logical_and(x > 0, ops.logical_or(x < 1, x > 2)),
    "matmul": lambda x: ops.matmul(x, _swapped(x)),
    "meshgrid": lambda x: x + ops.meshgrid(ops.arange(4.0), ops.arange(6.0))[0],
    "moments": lambda x: ops.concatenate(ops.moments(x, axes=[1], keepdims=True), axis=1),
    "moveaxis": lambda x: ops.moveaxis(x, 1, 2),
    "multi_hot": lambda x: ops.multi_hot(ops.cast(ops.abs(x), "int32"), num_classes=8),
    "norm": lambda x: ops.norm(x, axis=-1),
    "normalize": lambda x: ops.normalize(x, axis=-1),
    "one_hot": lambda x: ops.one_hot(ops.cast(ops.abs(x), "int32"), 6),
    "outer": lambda x: ops.outer(x[0, 0], x[0, 1]),
    "pad": lambda x: ops.pad(x, [(0, 0), (1, 2), (0, 0)], mode="reflect"),
    "repeat": lambda x: ops.repeat(x, 2, axis=1),
    "reshape": lambda x: ops.reshape(x, (-1, 2, 2)),
    "roll": lambda x: ops.roll(x, 1, axis=1),
    "rot90": lambda x: ops.rot90(x, axes=(1, 2)),
    "scatter_update": lambda x: ops.scatter_update(x, [[0, 0, 0]], [9.0]),
    "segment_sum": lambda x: ops.segment_sum(
        x[0], ops.array([0, 0, 1, 1, 2, 2]), num_segments=3
    ),
    "shape": L.Lambda(lambda x: ops.reshape(x, (ops.shape(x)[0], -1))),
    "slice": lambda x: ops.slice(x, (0, 1, 1), (1, 2, 3)),
    "slogdet": lambda x: ops.slogdet(_gram(x))[1],
    "split": lambda x: ops.split(x, 2, axis=-1)[1],
    "squeeze": lambda x: ops.squeeze(x[:, :1], 1),
    "stack": lambda x: ops.stack([x, x + 1], axis=1),
    "swapaxes": lambda x: ops.swapaxes(x, 1, 2),
    "take_along_axis": lambda x: ops.take_along_axis(x, ops.argsort(x, axis=-1), axis=-1),
    "tensordot": lambda x: ops.tensordot(x, ops.ones((4, 3)), axes=1),
    "tile": lambda x: ops.tile(x, (1, 2, 1)),
    "top_k": lambda x: ops.top_k(x, 2)[0],
    "top_k's places": lambda x: ops.top_k(x, 2)[1],
    "trace": lambda x: ops.trace(x, axis1=1, axis2=2),
    "transpose": lambda x: _swapped(x),
    "tril": lambda x: ops.tril(x),
    "triu": lambda x: ops.triu(x, 1),
    "unfold": lambda x: ops.unstack(x, axis=1, num=6)[2],
    "vdot": lambda x: ops.vdot(x, x),
    "where": lambda x: ops.where(x > 0, x, x * 0.1),
    "where of what is infinite": lambda x: ops.where(x > 0, ops.log(x), 0.0),
    "cumprod": lambda x: ops.cumprod(x, axis=1),
    "cond": L.Lambda(lambda x: ops.cond(ops.sum(x) > 0, lambda: x + 1, lambda: x - 1)),
    "fori_loop": lambda x: ops.fori_loop(0, 3, lambda i, v: v * 0.5 + 1, x),
    "while_loop": lambda x: ops.while_loop(
        lambda i, v: i < 3, lambda i, v: (i + 1, v * 0.5), (ops.array(0), x)
    )[1],
    "scan": L.Lambda(
        lambda x: ops.scan(
            lambda c, v: (c + v, c + v), x[:, 0] * 0, ops.transpose(x, (1, 0, 2))
        )[1]
    ),
    "scan in reverse": L.Lambda(
        lambda x: ops.scan(
            lambda c, v: (c * 0.5 + v, c + v), x[:, 0] * 0, ops.transpose(x, (1, 0, 2)),
            reverse=True,
        )[1]
    ),
    "associative_scan": lambda x: ops.associative_scan(lambda a, b: a + b, x, axis=1),
    "map": lambda x: ops.map(lambda v: v * 2, x),
    "vectorized_map": lambda x: ops.vectorized_map(lambda v: ops.sum(v, axis=-1), x),
    "fft": lambda x: ops.fft((x, x * 0.5))[0],
    "fft2": lambda x: ops.fft2((x, x * 0.5))[1],
    "ifft2": lambda x: ops.ifft2((x, x * 0.5))[0],
    "rfft": lambda x: ops.rfft(x)[0],
    "rfft of a length": lambda x: ops.rfft(x, 6)[1],
    "irfft": lambda x: ops.irfft((x, x * 0.5)),
    "stft": lambda x: ops.stft(ops.reshape(x, (-1, 24)), 8, 4, 8)[1],
    "inverse": lambda x: ops.inv(_gram(x) + 3 * ops.eye(4)),
    "det": lambda x: ops.det(x[:, :3, :3]),
    "cholesky": lambda x: ops.cholesky(_gram(x) + 9 * ops.eye(4)),
    "solve": lambda x: ops.solve(x[:, :4] + 9 * ops.eye(4), x[:, 4:5, :, None][..., 0, :, :]),
    "image.resize": lambda x: ops.image.resize(x[..., None], (9, 8)),
    "image.rgb_to_grayscale": lambda x: ops.image.rgb_to_grayscale(x[:, :, None, :3]),
    "image.crop": lambda x: ops.image.crop_images(
        x[..., None], 1, 1, target_height=4, target_width=2
    ),
    "image.pad": lambda x: ops.image.pad_images(x[..., None], 1, 1, 1, 1),
    "image.extract_patches": lambda x: ops.image.extract_patches(x[..., None], (2, 2)),
    "image.rgb_to_hsv": lambda x: ops.image.rgb_to_hsv(ops.sigmoid(x[:, :, None, :3])),
    "image.hsv_to_rgb": lambda x: ops.image.hsv_to_rgb(ops.sigmoid(x[:, :, None, :3])),
    "image.gaussian_blur": lambda x: ops.image.gaussian_blur(x[..., None]),
    "image.map_coordinates": lambda x: ops.image.map_coordinates(
        x[0], ops.array([[0.5, 1.5], [0.5, 2.0]]), order=1
    ),
    "image.affine_transform": lambda x: ops.image.affine_transform(
        x[..., None], ops.array([[0.9, 0.1, 0.0, -0.1, 0.9, 0.0, 0.0, 0.0]])
    ),
    "nn.moments": lambda x: ops.moments(x, axes=[-1])[1],
    "nn.batch_normalization": lambda x: ops.batch_normalization(
        x, ops.ones(4), ops.ones(4) * 2, -1
    ),
    "nn.layer_normalization": lambda x: ops.layer_normalization(x),
    "nn.rms_normalization": lambda x: ops.rms_normalization(x),
    "nn.conv": lambda x: ops.conv(x, ops.ones((3, 4, 2)), padding="same"),
    "nn.average_pool": lambda x: ops.average_pool(x, 2),
    "nn.dot_product_attention": lambda x: ops.dot_product_attention(*[_heads(x)] * 3),
    "nn.binary_crossentropy": lambda x: ops.binary_crossentropy(ops.sigmoid(x), ops.sigmoid(x)),
    "slice_update": lambda x: ops.slice_update(x, (0, 2, 1), x[:, :2, :2] * 0 + 9),
    "new axes": lambda x: x[:, 1:, ..., None, ::-2],
    "solve_triangular": lambda x: ops.solve_triangular(
        x[:, :4] + 9 * ops.eye(4), x[:, :4, :2], lower=True
    ),
    "cholesky_inverse": lambda x: ops.cholesky_inverse(x[:, :4] + 9 * ops.eye(4)),
    "inverse of a large matrix": lambda x: ops.inv(
        ops.reshape(x, (-1, 24, 1)) * ops.reshape(x, (-1, 1, 24)) + 9 * ops.eye(24)
    ),
    "fold": lambda x: ops.fold(_swapped(x), (3, 4), 2),
    "nn.adaptive_average_pool": lambda x: ops.adaptive_average_pool(x[..., None], (4, 3)),
    "image.perspective_transform": lambda x: ops.image.perspective_transform(
        x[0, :, :, None],
        ops.array([[0.0, 0.0], [0.0, 3.0], [5.0, 0.0], [5.0, 3.0]]),
        ops.array([[0.5, 0.0], [0.0, 3.0], [5.0, 0.5], [4.0, 3.0]]),
    ),
    "nn.ctc_decode": lambda x: ops.ctc_decode(
        x, ops.cast(ops.ones_like(x[:, 0, 0]) * 6, "int32")
    )[1],
    "argpartition": lambda x: ops.argpartition(x[0, 0], 2),
    "unravel_index": lambda x: ops.unravel_index(ops.argmax(x, axis=1), (2, 3))[1],
    "gcd": lambda x: ops.gcd(ops.argmax(x, axis=1), ops.argmin(x, axis=1) * 2),
    "lcm": lambda x: ops.lcm(ops.argmax(x, axis=1), ops.argmin(x, axis=1) * 2),
    "i0": lambda x: ops.i0(x),
    "view": lambda x: ops.view(ops.cast(x, "int32"), "uint32"),
    "polar": lambda x: ops.real(ops.polar(ops.abs(x), x)),
}  # fmt: skip


LOOPED = (
    "fori_loop", "while_loop", "scan", "scan in reverse", "map", "inverse of a large matrix",
    "gcd", "lcm",
)  # fmt: skip
"""Loops of the user's own, and what ONNX has no operator for."""


def cases() -> list[Case]:
    """Returns a case for each function."""
    found: dict[str, tuple[Any, Any]] = {
        name: (_of(getattr(ops, name)), None) for name in ANY.split()
    }
    found |= {name: (_of(getattr(ops, name)), _positive) for name in POSITIVE.split()}
    found |= {name: (_of(getattr(ops, name)), _within) for name in WITHIN.split()}
    found |= {name: (_both(getattr(ops, name)), None) for name in BOTH.split()}
    found |= {f"{name} over an axis": (_along(name), None) for name in ALONG.split()}
    found |= {name: (_of(function), None) for name, function in SHAPED.items()}
    return [
        Case(
            group="operation",
            name=name,
            build=build,
            draw={"x": draw} if draw else {},
            loops=name in LOOPED,
        )
        for name, (build, draw) in found.items()
    ]


def _along(name: str) -> Callable[[], Any]:
    return _of(lambda x: getattr(ops, name)(x, axis=1))


def _of(function: Callable[[Any], Any]) -> Callable[[], Any]:
    return lambda: one(function, 6, 4)


def _both(function: Callable[[Any, Any], Any]) -> Callable[[], Any]:
    return lambda: two(lambda xs: function(*xs), (6, 4), (6, 4))
