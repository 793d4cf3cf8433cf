"""Complex numbers as two real ones: of what TensorFlow computes on the way to something real.

ONNX Runtime has no complex numbers, but hardly a model gives any: it takes the size of a spectrum,
say. Where a function makes real numbers of complex ones, what made these is gone through
backwards, and written once more for the real and for the imaginary part.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow import math
from tensorflow.python.ops import gen_math_ops  # which has no public name

from export.lowering.marks import Marks, Replacement

Pair = tuple[tf.Tensor, tf.Tensor]
MOVING = (
    "ConcatV2", "EnsureShape", "ExpandDims", "GatherV2", "Identity", "Neg", "Pack", "Pad",
    "Reshape", "Slice", "Squeeze", "StridedSlice", "Sum", "Tile", "Transpose",
)  # fmt: skip
"""Operators that do the same to the real and to the imaginary part."""


class _Unknown(Exception):  # noqa: N818 (no error: the function is then left as it is)
    """It is not known here what made a complex tensor."""


def _parts(x: tf.Tensor) -> Pair:
    """The real and the imaginary part of a complex tensor."""
    operation, constant = x.op, tf.get_static_value(x)
    if constant is not None:
        return tf.constant(constant.real), tf.constant(constant.imag)
    if operation.type in MOVING:
        pairs = [_parts(one) if one.dtype.is_complex else (one, one) for one in operation.inputs]
        real, imaginary = (_again(operation, [pair[i] for pair in pairs]) for i in (0, 1))
        return real, imaginary
    if operation.type not in MAKERS:
        raise _Unknown
    return MAKERS[operation.type](*operation.inputs)


def _again(operation: tf.Operation, inputs: list[tf.Tensor]) -> tf.Tensor:
    """The same operator of real tensors."""
    attributes = {
        name: value for name, value in operation.node_def.attr.items() if not name.startswith("_")
    }
    attributes["T"] = tf.compat.v1.AttrValue(type=inputs[0].dtype.as_datatype_enum)
    if "Tparams" in attributes:  # what GatherV2 calls it
        attributes["Tparams"] = attributes.pop("T")
    graph = tf.compat.v1.get_default_graph()
    made: tf.Tensor = graph.create_op(
        operation.type, inputs, [inputs[0].dtype], attrs=attributes
    ).outputs[0]
    return made


def _cast(x: tf.Tensor) -> Pair:
    if x.dtype.is_complex:
        return _parts(x)
    real = tf.cast(x, tf.float32)
    return real, tf.zeros_like(real)


def _conjugate(x: tf.Tensor) -> Pair:
    real, imaginary = _parts(x)
    return real, -imaginary


def _product(x: tf.Tensor, y: tf.Tensor) -> Pair:
    (a, b), (c, d) = _parts(x), _parts(y)
    return a * c - b * d, a * d + b * c


def _sum(x: tf.Tensor, y: tf.Tensor) -> Pair:
    (a, b), (c, d) = _parts(x), _parts(y)
    return a + c, b + d


def _difference(x: tf.Tensor, y: tf.Tensor) -> Pair:
    (a, b), (c, d) = _parts(x), _parts(y)
    return a - c, b - d


def _exponential(x: tf.Tensor) -> Pair:
    real, imaginary = _parts(x)
    size = tf.exp(real)
    return size * tf.cos(imaginary), size * tf.sin(imaginary)


def _real_transform(x: tf.Tensor, length: tf.Tensor) -> Pair:
    count = tf.get_static_value(length)
    if count is None or x.shape[-1] is None:
        raise _Unknown
    found: Pair = math.rfft(x, int(count[0]))
    return found


def _transform(x: tf.Tensor) -> Pair:
    found: Pair = math.fft(_parts(x))
    return found


def _inverse_transform(x: tf.Tensor) -> Pair:
    """The transform of what is mirrored about the real numbers, mirrored, by the length."""
    real, imaginary = _parts(x)
    if x.shape[-1] is None:
        raise _Unknown
    real, imaginary = math.fft((real, -imaginary))
    return real / x.shape[-1], -imaginary / x.shape[-1]


MAKERS: dict[str, Callable[..., Pair]] = {
    "AddV2": _sum,
    "Cast": _cast,
    "Complex": lambda real, imaginary: (real, imaginary),
    "Conj": _conjugate,
    "Exp": _exponential,
    "FFT": _transform,
    "IFFT": _inverse_transform,
    "Mul": _product,
    "RFFT": _real_transform,
    "Sub": _difference,
}
"""By TensorFlow's operator, what gives both parts; told its inputs."""


def _of(
    function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
) -> Callable[[Marks, Callable[..., Any]], Callable[..., Any]]:
    def replacement(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
        def of_complex(x: Any, Tout: Any = tf.float32, name: Any = None) -> Any:  # noqa: N803
            if not isinstance(x, tf.Tensor) or not hasattr(x, "op"):
                return original(x, Tout=Tout, name=name)
            try:
                return function(*_parts(x))
            except (_Unknown, AttributeError):  # an eager tensor was made by nobody
                return original(x, Tout=Tout, name=name)

        return of_complex

    return replacement


def _size(real: tf.Tensor, imaginary: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(real * real + imaginary * imaginary)


REPLACEMENTS = (
    Replacement(gen_math_ops, "complex_abs", _of(_size)),
    Replacement(gen_math_ops, "real", _of(lambda real, imaginary: real)),
    Replacement(gen_math_ops, "imag", _of(lambda real, imaginary: imaginary)),
    Replacement(gen_math_ops, "angle", _of(lambda real, imaginary: tf.atan2(imaginary, real))),
)
