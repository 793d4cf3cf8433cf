"""Resizing: ONNX's Resize where it computes the same, else two products with the filter's weights.

TensorFlow's bicubic filter takes its coefficients from a table of 1,024 steps, its area filter has
no counterpart in ONNX Runtime, and for lanczos and antialiasing tf2onnx has nothing
(tf2onnx#1940). All of them are separable and linear: a weight for each pair of rows and for each
pair of columns says everything.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow import image as keras_image  # no public name has it
from onnx import TensorProto

from export.lowering.marks import Marks, Nodes, Replacement

TABLE = 1024
"""Steps of the table that TensorFlow's bicubic filter rounds to."""
MODES: dict[str, dict[str, Any]] = {
    "bilinear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    "nearest": {
        "mode": "nearest",
        "coordinate_transformation_mode": "half_pixel",
        "nearest_mode": "round_prefer_ceil",
    },
}
"""What ONNX's Resize computes as TensorFlow does."""
UPSAMPLED: dict[str, dict[str, Any]] = {
    "bilinear": MODES["bilinear"],
    "nearest": {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    },
}
"""What it computes as Keras' upsampling layers do."""
EXACT = (tf.float32, tf.uint8, tf.int32)
"""The types of images that it takes as they are."""
RADIUS = {"bilinear": 1.0, "bicubic": 2.0, "lanczos3": 3.0, "lanczos5": 5.0}


def _resize(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def resize(
        images: Any,
        size: Any,
        method: Any = "bilinear",
        preserve_aspect_ratio: bool = False,
        antialias: bool = False,
        name: Any = None,
    ) -> Any:
        like = original(images, size, method, preserve_aspect_ratio, antialias, name)
        x = tf.convert_to_tensor(images)
        known = method == "nearest" or method == "area" or method in RADIUS
        if preserve_aspect_ratio or x.shape.rank != 4 or not known or _is_same(x, like):
            return like
        size = tf.convert_to_tensor(size)
        if method in MODES and not (antialias and method in RADIUS):
            x = x if method == "nearest" and x.dtype in EXACT else tf.cast(x, tf.float32)
            spec = tf.TensorSpec(like.shape, x.dtype)
            scales = _scales(x, like, method)
            write = partial(_write_resize, MODES[method], scales)
            resized = marks.put(write, [x, size], [spec])[0]
        else:
            resized = _filtered(tf.cast(x, tf.float32), size, method, antialias)
        return tf.ensure_shape(tf.cast(resized, like.dtype), like.shape)

    return resize


def _cropping(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    """Crops an image of known lengths to the aspect ratio by constant bounds."""

    def resize(images: Any, size: Any, *given: Any, **settings: Any) -> Any:
        first = settings.get("data_format") == "channels_first"
        axes = (-2, -1) if first else (-3, -2)
        lengths = [images.shape[axis] for axis in axes]
        if given or None in lengths or not settings.get("crop_to_aspect_ratio"):
            return original(images, size, *given, **settings)
        height, width = (slice(start, start + kept) for start, kept in _window(lengths, size))
        images = images[..., height, width] if first else images[..., height, width, :]
        return original(images, size, **{**settings, "crop_to_aspect_ratio": False})

    return resize


def _window(lengths: Sequence[int], size: Sequence[int]) -> list[tuple[int, int]]:
    """Where the largest window of a shape begins, and its length, in Keras' float32."""
    found = []
    for own, other, after, beside in zip(lengths, lengths[::-1], size, size[::-1], strict=True):
        fitting = int(np.float32(other * after) / np.float32(beside))
        kept = max(min(own, fitting), 1)
        found.append(((own - kept) // 2, kept))
    return found


def _is_same(x: tf.Tensor, resized: tf.Tensor) -> bool:
    """TensorFlow gives the image itself where its size is known to be right."""
    before, after = x.shape[1:3].as_list(), resized.shape[1:3].as_list()
    return None not in before and before == after


def _scales(x: tf.Tensor, resized: tf.Tensor, method: str) -> np.ndarray | None:
    """What every length grows by, float32 [4], if it is known and leads to the very lengths.

    Where a scale would lead to less by its last bit, the next one is taken.
    """
    before, after = x.shape[1:3].as_list(), resized.shape[1:3].as_list()
    if None in (*before, *after) or 0 in (*before, *after):
        return None
    scales = [_scale(*lengths, method) for lengths in zip(before, after, strict=True)]
    return None if None in scales else np.array([1, *scales, 1], np.float32)


def _scale(before: int, after: int, method: str) -> np.float32 | None:
    old, new = np.float32(before), np.float32(after)
    for scale in (new / old, np.nextafter(new / old, np.float32(np.inf))):
        # in ONNX Runtime's arithmetic, and in ONNX's
        is_right = int(old * scale) == int(float(old) * float(scale)) == after
        if is_right and (method != "nearest" or _picks_the_same(before, after, scale)):
            return scale
    return None


def _picks_the_same(before: int, after: int, scale: np.float32) -> bool:
    """Tells whether ONNX Runtime, given a scale, takes for each place the one that TensorFlow does.

    Source: tensorflow/core/kernels/image/resize_nearest_neighbor_op.h.
    """
    place = np.arange(after, dtype=np.float32) + np.float32(0.5)
    picked = np.floor(place / scale - np.float32(0.5) + np.float32(0.5))
    expected = np.floor(place * (np.float32(before) / np.float32(after)))
    return np.array_equal(np.clip(picked, 0, before - 1), np.clip(expected, 0, before - 1))


def _write_resize(
    mode: dict[str, Any], scales: np.ndarray | None, nodes: Nodes, inputs: list[str]
) -> list[str]:
    """Names all four lengths where it cannot name four constant scales.

    Of a Resize with axes, ONNX Runtime 1.32 permutes the two lengths given as if they were four,
    where it moves a Transpose past it, and then refuses the graph.
    """
    image, size = inputs
    if scales is not None:
        return [nodes("Resize", [image, "", nodes.constant(scales)], **mode)]
    shape = nodes("Shape", [image])  # tf2onnx folds one with start and end as if it had none
    batch, channels = (nodes("Gather", [shape, nodes.constant([i], np.int64)]) for i in (0, 3))
    sizes = nodes("Concat", [batch, nodes("Cast", [size], to=TensorProto.INT64), channels], axis=0)
    return [nodes("Resize", [image, "", "", sizes], **mode)]


def _filtered(x: tf.Tensor, size: tf.Tensor, method: str, antialias: bool) -> tf.Tensor:
    """Resizes [batch, height, width, channels] by products with weights [out, in]."""
    heights = _weights(_length(x, 1), size[0], method, antialias)
    widths = _weights(_length(x, 2), size[1], method, antialias)
    rows = tf.linalg.matmul(
        heights[tf.newaxis],
        tf.reshape(x, tf.stack([-1, tf.shape(x)[1], tf.shape(x)[2] * tf.shape(x)[3]])),
    )
    rows = tf.reshape(rows, tf.stack([-1, size[0], tf.shape(x)[2], x.shape[3] or tf.shape(x)[3]]))
    return tf.linalg.matmul(widths[tf.newaxis, tf.newaxis], rows)


def _length(x: tf.Tensor, axis: int) -> Any:
    return tf.shape(x)[axis] if x.shape[axis] is None else tf.constant(x.shape[axis])


def _weights(before: tf.Tensor, after: tf.Tensor, method: str, antialias: bool) -> tf.Tensor:
    """The weight of every element before in every one after, float32 [after, before].

    Source: tensorflow/core/kernels/image: scale_and_translate_op.cc, resize_bicubic_op.cc,
    resize_area_op.cc.
    """
    scale = tf.cast(before, tf.float32) / tf.cast(after, tf.float32)
    out = tf.cast(tf.range(after), tf.float32)[:, tf.newaxis]
    each = tf.cast(tf.range(before), tf.float32)[tf.newaxis]
    if method == "area":
        shared = tf.minimum(each + 1, (out + 1) * scale) - tf.maximum(each, out * scale)
        weights = tf.maximum(shared, 0.0) / scale
        return weights
    if method == "bicubic" and not antialias:
        return _bicubic(each, (out + 0.5) * scale - 0.5)
    widened = tf.maximum(scale, 1.0) if antialias else tf.ones_like(scale)
    distance = (each + 0.5 - (out + 0.5) * scale) / widened
    weights = _kernel(method, distance)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _kernel(method: str, x: tf.Tensor) -> tf.Tensor:
    x = tf.abs(x)
    if method == "bilinear":
        return tf.maximum(1.0 - x, 0.0)
    if method == "bicubic":
        return _keys(x)
    radius = RADIUS[method]
    inside = tf.where(x < 1e-3, tf.ones_like(x), x) * np.float32(np.pi)
    found = radius * tf.sin(inside) * tf.sin(inside / radius) / (inside * inside)
    return tf.where(x > radius, 0.0, tf.where(x < 1e-3, 1.0, found))


def _keys(x: tf.Tensor) -> tf.Tensor:
    """Keys' cubic convolution with a = -1/2, of distances."""
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return tf.where(x < 1.0, near, tf.where(x < 2.0, far, tf.zeros_like(x)))


def _bicubic(each: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    first = tf.floor(position)
    fraction = tf.round((position - first) * TABLE) / TABLE
    weights = _keys(tf.abs(each - (first + fraction)))
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _upsampling_volumes(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(layer: Any, inputs: Any) -> Any:
        x = tf.convert_to_tensor(inputs)
        first = 2 if layer.data_format == "channels_first" else 1
        shape: list[Any] = x.shape.as_list()
        for axis, by in enumerate(layer.size, first):
            shape[axis] = None if shape[axis] is None else shape[axis] * by
        write = partial(_write_repeated, first, layer.size, shape)
        return marks.put(write, [x], [tf.TensorSpec(shape, x.dtype)])[0]

    return call


def _write_repeated(
    first: int, size: Any, shape: list[int | None], nodes: Nodes, inputs: list[str]
) -> list[str]:
    """Repeats each place as a Tile over axes of its own: ONNX Runtime's Resize of five axes is
    ten times slower.
    """
    (x,) = inputs
    between = [first + 1 + 2 * i for i in range(3)]
    repeats, scales = np.ones(8, np.int64), np.ones(5, np.int64)
    repeats[between], scales[first : first + 3] = size, size
    apart = nodes("Unsqueeze", [x, nodes.constant(between, np.int64)])
    tiled = nodes("Tile", [apart, nodes.constant(repeats)])
    if shape[1:].count(None) == 0:
        return [nodes.reshaped(tiled, [-1, *(n or 0 for n in shape[1:])])]
    after = nodes("Mul", [nodes("Shape", [x]), nodes.constant(scales)])
    return [nodes("Reshape", [tiled, after])]


def _upsampling(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(layer: Any, inputs: Any) -> Any:
        x = tf.convert_to_tensor(inputs)
        method = getattr(layer, "interpolation", "nearest")
        first = getattr(layer, "data_format", "channels_last") == "channels_first"
        if method not in UPSAMPLED or x.dtype != tf.float32:
            return original(layer, inputs)
        rank = len(x.shape) - 2
        size = (layer.size,) * rank if isinstance(layer.size, int) else tuple(layer.size)
        after = [None if n is None else n * by for n, by in zip(x.shape[1:-1], size, strict=True)]
        if first:
            after = [None if n is None else n * by for n, by in zip(x.shape[2:], size, strict=True)]
        shape = [x.shape[0], x.shape[1], *after] if first else [x.shape[0], *after, x.shape[-1]]
        write = partial(_write_upsampled, size, not first, UPSAMPLED[method])
        return marks.put(write, [x], [tf.TensorSpec(shape, x.dtype)])[0]

    return call


def _write_upsampled(
    size: tuple[int, ...],
    channels_last: bool,
    mode: dict[str, Any],
    nodes: Nodes,
    inputs: list[str],
) -> list[str]:
    """With channels first, as the convolutions around it have them."""
    (x,) = inputs
    rank, scales = len(size), nodes.constant([1, 1, *size], np.float32)
    if channels_last:
        x = nodes.transposed(x, [0, rank + 1, *range(1, rank + 1)])
    x = nodes("Resize", [x, "", scales], **mode)
    return [nodes.transposed(x, [0, *range(2, rank + 2), 1]) if channels_last else x]


REPLACEMENTS = (
    Replacement(keras_image, "resize", _cropping),
    Replacement(tf.image, "resize", _resize),
    Replacement(keras.layers.UpSampling1D, "call", _upsampling),
    Replacement(keras.layers.UpSampling2D, "call", _upsampling),
    Replacement(keras.layers.UpSampling3D, "call", _upsampling_volumes),
)
