"""Patches of images (`tf.image.extract_patches`) as a convolution that copies.

tf2onnx reshapes to the batch times the channels, and makes -3 of a batch that it does not know.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from export.lowering.convolution import Settings, in_channels_first
from export.lowering.marks import Marks, Nodes, Replacement


def _extract_patches(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
    def extract_patches(
        images: Any, sizes: Any, strides: Any, rates: Any, padding: str, name: Any = None
    ) -> Any:
        like = original(images, sizes, strides, rates, padding, name)
        x = tf.convert_to_tensor(images)
        if x.dtype != tf.float32 or x.shape[-1] is None:
            return like
        kernel, steps, dilation = (tuple(map(int, one[1:3])) for one in (sizes, strides, rates))
        same = padding.upper() == "SAME"
        settings = Settings(True, tuple(x.shape[1:3]), kernel, steps, dilation, same)
        return marks.put(partial(_write, settings, x.shape[-1]), [x], [like])[0]

    return extract_patches


def _write(settings: Settings, channels: int, nodes: Nodes, inputs: list[str]) -> list[str]:
    """A channel of the answer for each place of the window, and within that for each channel."""
    places = int(np.prod(settings.kernel))
    copies = np.eye(places * channels, dtype=np.float32)
    kernel = copies.reshape(places * channels, *settings.kernel, channels)
    weights = nodes.constant(np.ascontiguousarray(np.moveaxis(kernel, -1, 1)))

    def write(x: str) -> str:
        made: str = nodes("Conv", [x, weights], **settings.attributes())
        return made

    return [in_channels_first(nodes, settings, inputs[0], write)]


REPLACEMENTS = (Replacement(tf.image, "extract_patches", _extract_patches),)
