"""Layers of a GAN that Keras does not have: pixels as channels, the last steps of a judgement."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

Shape = tuple[Any, int, int, int]
SPEED = 10.0
"""Of the offset, as a multiple of other weights'."""


@keras.saving.register_keras_serializable("keras_models")
class SpaceToDepth(layers.Layer):
    """Makes channels of squares of pixels: [batch, h, w, c] → [batch, h / side, w / side, …]."""

    def __init__(self, side: int, **settings: Any) -> None:
        """Sets the side of a square."""
        super().__init__(**settings)
        self.side = side

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Moves, computes nothing."""
        return tf.nn.space_to_depth(x, self.side)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the maps."""
        batch, height, width, channels = input_shape
        return batch, height // self.side, width // self.side, channels * self.side**2

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "side": self.side}


@keras.saving.register_keras_serializable("keras_models")
class DepthToSpace(SpaceToDepth):
    """The inverse of `SpaceToDepth` (sub-pixel convolution: Shi et al. 2016, arXiv 1609.05158)."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Moves, computes nothing."""
        return tf.nn.depth_to_space(x, self.side)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the image."""
        batch, height, width, channels = input_shape
        return batch, height * self.side, width * self.side, channels // self.side**2


@keras.saving.register_keras_serializable("keras_models")
class LeakyReLU(layers.LeakyReLU):
    """Keras' leaky rectifier, for losses that hold a gradient.

    Its slope does not change with its input. TensorFlow has that as zeros, and carries them back
    through all layers before this one: two more products of each convolution.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Computes what Keras' own does."""

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def rectified(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            y = tf.nn.leaky_relu(x, self.negative_slope)
            # Of the same sign as x, which nobody needs then: TensorFlow can compute both at once.
            fixed = tf.stop_gradient(y)

            def gradient(outer: tf.Tensor) -> tf.Tensor:
                return tf.raw_ops.LeakyReluGrad(
                    gradients=outer, features=fixed, alpha=self.negative_slope
                )

            return y, gradient

        return rectified(x)


@keras.saving.register_keras_serializable("keras_models")
class AddChosen(layers.Layer):
    """Adds to a score the one of several others that a label points at.

    [score [batch, 1], scores [batch, classes], int32 label [batch]] → [batch, 1].

    Source: Miyato and Koyama 2018, section 3 (the projection discriminator).
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Points by a row of the unit matrix: all runtimes refuse a label outside of it."""
        score, scores, label = inputs
        chosen = tf.gather(tf.eye(scores.shape[-1], dtype=scores.dtype), label)
        return score + tf.reduce_sum(scores * chosen, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable("keras_models")
class Offset(layers.Layer):
    """Adds one trainable number: [batch, 1] → [batch].

    It is held as a tenth of its size, so that Adam, whose steps are as large for every weight,
    moves it fast enough to follow the logits.
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Begins at zero."""
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, score: tf.Tensor) -> tf.Tensor:
        """Adds it."""
        return score[:, 0] + SPEED * self.bias
