"""Convolutions of every rank, as ONNX's Conv and ConvTranspose of that rank.

By itself tf2onnx gets three wrong: grouped ones stay an XLA call; a transposed one whose kernel is
smaller than its stride, or that has an output padding, gets negative pads; and what has one
spatial dimension takes the way round over two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import nn

from export.lowering.marks import Marks, Nodes, Replacement


@dataclass(frozen=True)
class Settings:
    """A convolution as Keras describes it; every tuple is one number for a spatial dimension.

    Attributes:
        channels_last: where the channels are.
        size: of the input, None where free.
        kernel, strides, dilation: of the window.
        same: whether the output covers the whole input.
    """

    channels_last: bool
    size: tuple[int | None, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    same: bool

    @property
    def reach(self) -> list[int]:
        """How far the window reaches along each dimension."""
        return [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]

    def attributes(self) -> dict[str, Any]:
        """The attributes of ONNX's Conv and pooling operators."""
        found: dict[str, Any] = {"strides": list(self.strides), "kernel_shape": list(self.kernel)}
        if any(one != 1 for one in self.dilation):
            found["dilations"] = list(self.dilation)
        return found | self._padding()

    def _padding(self) -> dict[str, Any]:
        if not self.same:
            return {}
        before, after = [], []
        for size, reach, stride in zip(self.size, self.reach, self.strides, strict=True):
            if stride == 1:
                missing = reach - 1
            elif size is not None:
                missing = max((-(-size // stride) - 1) * stride + reach - size, 0)
            else:
                return {"auto_pad": "SAME_UPPER"}
            before.append(missing // 2)
            after.append(missing - missing // 2)
        return {"pads": before + after}


def settings_of(
    x: tf.Tensor, kernel: Any, strides: Any, padding: str, data_format: Any, dilation: Any
) -> Settings:
    """Returns what Keras was asked for, with one number for each spatial dimension."""
    rank = len(x.shape) - 2
    channels_last = keras.src.backend.standardize_data_format(data_format) == "channels_last"
    size = tuple(x.shape[1:-1] if channels_last else x.shape[2:])
    return Settings(
        channels_last=channels_last,
        size=size,
        kernel=_each(kernel, rank),
        strides=_each(strides, rank),
        dilation=_each(dilation, rank),
        same=padding.lower() == "same",
    )


def _each(value: Any, rank: int) -> tuple[int, ...]:
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    return tuple(map(int, values)) if len(values) == rank else (int(values[0]),) * rank


def in_channels_first(nodes: Nodes, settings: Settings, x: str, write: Callable[[str], str]) -> str:
    """Writes an operator that wants its channels first around a tensor that may have them last."""
    rank = len(settings.kernel)
    if not settings.channels_last:
        return write(x)
    x = nodes.transposed(x, [0, rank + 1, *range(1, rank + 1)])
    return nodes.transposed(write(x), [0, *range(2, rank + 2), 1])


def _conv(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def conv(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> Any:
        like = original(inputs, kernel, strides, padding, data_format, dilation_rate)
        x, kernel = tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel)
        size = kernel.shape[:-2]
        settings = settings_of(x, size, strides, padding, data_format, dilation_rate)
        channels = x.shape[-1] if settings.channels_last else x.shape[1]
        write = partial(_write_conv, settings, channels // kernel.shape[-2])
        return marks.put(write, [x, kernel], [like])[0]

    return conv


def _write_conv(settings: Settings, groups: int, nodes: Nodes, inputs: list[str]) -> list[str]:
    x, kernel = inputs
    rank = len(settings.kernel)
    weights = nodes.transposed(kernel, [rank + 1, rank, *range(rank)])
    return [_convolved(settings, groups, nodes, x, weights)]


def _convolved(settings: Settings, groups: int, nodes: Nodes, x: str, weights: str) -> str:
    def write(x: str) -> str:
        made: str = nodes("Conv", [x, weights], group=groups, **settings.attributes())
        return made

    return in_channels_first(nodes, settings, x, write)


def _depthwise(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def depthwise_conv(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> Any:
        like = original(inputs, kernel, strides, padding, data_format, dilation_rate)
        x, kernel = tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel)
        size = kernel.shape[:-2]
        settings = settings_of(x, size, strides, padding, data_format, dilation_rate)
        write = partial(_write_depthwise, settings, kernel.shape)
        return marks.put(write, [x, kernel], [like])[0]

    return depthwise_conv


def _write_depthwise(
    settings: Settings, shape: Sequence[int], nodes: Nodes, inputs: list[str]
) -> list[str]:
    x, kernel = inputs
    rank = len(settings.kernel)
    channels, multiplier = shape[-2:]
    weights = nodes.transposed(kernel, [rank, rank + 1, *range(rank)])
    weights = nodes.reshaped(weights, [channels * multiplier, 1, *settings.kernel])
    return [_convolved(settings, channels, nodes, x, weights)]


def _separable(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def separable_conv(
        inputs: Any,
        depthwise_kernel: Any,
        pointwise_kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> Any:
        x = nn.depthwise_conv(
            inputs, depthwise_kernel, strides, padding, data_format, dilation_rate
        )
        return nn.conv(x, pointwise_kernel, 1, "valid", data_format)

    return separable_conv


def _transposed(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def conv_transpose(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> Any:
        like = original(
            inputs, kernel, strides, padding, output_padding, data_format, dilation_rate
        )
        x, kernel = tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel)
        size = kernel.shape[:-2]
        settings = settings_of(x, size, strides, padding, data_format, dilation_rate)
        longer = [None] * len(size) if output_padding is None else _each(output_padding, len(size))
        write = partial(_write_transposed, settings, list(longer))
        return marks.put(write, [x, kernel], [like])[0]

    return conv_transpose


def _write_transposed(
    settings: Settings, output_padding: list[int | None], nodes: Nodes, inputs: list[str]
) -> list[str]:
    x, kernel = inputs
    rank = len(settings.kernel)
    weights = nodes.transposed(kernel, [rank + 1, rank, *range(rank)])
    begins, ends = _cut(settings, output_padding)

    def write(x: str) -> str:
        attributes = settings.attributes()
        attributes.pop("auto_pad", None)
        attributes["pads"] = [*(max(one, 0) for one in begins), *(max(one, 0) for one in ends)]
        made: str = nodes("ConvTranspose", [x, weights], **attributes)
        longer = [max(-one, 0) for one in ends]
        if any(longer):  # ONNX bounds its output_padding by the stride; zeros are zeros
            pads = nodes.constant([0] * (2 + rank) + [0, 0, *longer], "int64")
            made = nodes("Pad", [made, pads])
        return made

    return [in_channels_first(nodes, settings, x, write)]


def _cut(settings: Settings, output_padding: list[int | None]) -> tuple[list[int], list[int]]:
    """How much of the full result TensorFlow cuts off before and after; negative is added."""
    begins, ends = [], []
    for reach, stride, longer in zip(settings.reach, settings.strides, output_padding, strict=True):
        # The full result has stride * (size - 1) + reach elements; all below are beside
        # stride * size, for they differ from it by the same whatever the size.
        full = reach - stride
        if settings.same and longer is None:
            wanted = 0
        elif longer is None:
            wanted = max(full, 0)
        else:
            wanted = (reach % 2 - stride if settings.same else full) + longer
        begin = max(full - wanted, 0) // 2 if settings.same else 0
        begins.append(begin)
        ends.append(full - wanted - begin)
    return begins, ends


REPLACEMENTS = (
    Replacement(nn, "conv", _conv),
    Replacement(nn, "depthwise_conv", _depthwise),
    Replacement(nn, "separable_conv", _separable),
    Replacement(nn, "conv_transpose", _transposed),
)
