"""The convolutional network for small photographs that learns CIFAR-10 within minutes.

The one idea: nothing is left for training to find that can be computed or is known beforehand.
The first layer whitens patches with a kernel computed from training images and frozen; every
further kernel starts as the identity, so that each layer begins by passing its input on; biases
alone are allowed large steps. Blocks of three convolutions also have a residual connection.

What this file does not have: test-time augmentation. The logits are of the image as it is;
`mirror.py` averages those of an image and its mirror image.

Source: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (airbench94 to 96), after
Page 2018, "How to Train Your ResNet", and Balsam's hlb-CIFAR10 2023; identity initialisation:
Zagoruyko and Komodakis 2017 (DiracNets); residual connection: He et al. 2016.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import KerasTensor, layers, ops

PATCH = 2
"""Side of the patches that the first layer whitens."""
PATCH_NOISE = 5e-4
"""Added to the patches' variances before the division, so that noise is not blown up."""
BIAS_SPEED = 64.0
"""How many times as fast as a kernel a bias learns."""
LOGIT_SCALE = 1 / 9
"""Keeps the first logits small, so that the first steps are not those of a sure, wrong model."""


def residual(
    images: KerasTensor,
    *,
    widths: Sequence[int],
    depth: int,
    classes: int,
    sample: np.ndarray | None,
) -> KerasTensor:
    """Classifies small images.

    Args:
        images: uint8 [batch, height, width, channels], sides of at least 2 ** len(widths) + 1.
        widths: filters of each block; a block halves height and width.
        depth: convolutions in a block: 2 (airbench94), or 3 with a residual connection
            (airbench96).
        classes: how many.
        sample: uint8 [some, height, width, channels], training images to whiten by, or None for
            a model that will receive its weights from elsewhere.

    Returns:
        float32 [batch, classes], the logits.

    Raises:
        ValueError: depth is neither 2 nor 3.

    Example:
        images = keras.Input((32, 32, 3), dtype="uint8", name="image")
        logits = residual(images, widths=(64, 256, 256), depth=2, classes=10, sample=x_train)
        model = keras.Model(images, logits)
    """
    if depth not in (2, 3):
        raise ValueError(f"a block has 2 or 3 convolutions, got depth {depth}")
    x = whitened_patches(images, sample)
    for width in widths:
        x = block(x, width, depth)
    x = layers.GlobalMaxPooling2D()(x)
    # The activations are 1 / sqrt(BIAS_SPEED) of the paper's, see `normalized`.
    x = layers.Rescaling(LOGIT_SCALE * BIAS_SPEED**0.5, dtype="float32")(x)
    start = keras.initializers.VarianceScaling(1 / 3, distribution="uniform")
    head = layers.Dense(
        classes, use_bias=False, kernel_initializer=start, dtype="float32", name="logits"
    )
    return head(x)


def whitened_patches(images: KerasTensor, sample: np.ndarray | None) -> KerasTensor:
    """Decorrelates each 2 x 2 patch, by a frozen kernel; both signs of each component are kept.

    Args:
        images: uint8 [batch, height, width, channels].
        sample: uint8 [some, height, width, channels], or None.

    Returns:
        [batch, height - 1, width - 1, 8 * channels], at least 0.
    """
    # float32 in every policy: bfloat16's 8 bits of pixel, times an inverse standard deviation of
    # up to 45, would be noise one can see; the layer is under 1 % of the work.
    scale = layers.Rescaling(1 / 63.75, offset=-2.0, dtype="float32", name="centred")
    filters = 2 * PATCH * PATCH * images.shape[-1]
    whitening = layers.Conv2D(filters, PATCH, dtype="float32", name="whitening")
    x = whitening(scale(images))
    whitening.kernel.trainable = False
    if sample is not None:
        whitening.kernel.assign(whitening_kernel(np.asarray(sample, np.float32) / 63.75 - 2.0))
    return layers.ReLU()(x)


def whitening_kernel(pixels: np.ndarray) -> np.ndarray:
    """Computes the eigenvectors of the patches' covariance, over the root of their variance.

    Args:
        pixels: float32 [some, height, width, channels], centred near 0.

    Returns:
        float32 [2, 2, channels, 8 * channels], the components and then their negatives, the
        strongest first.
    """
    channels = pixels.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (PATCH, PATCH), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, PATCH * PATCH * channels)
    variances, components = np.linalg.eigh(patches.T @ patches / len(patches))
    whitening = (components / np.sqrt(variances + PATCH_NOISE))[:, ::-1]
    both = np.concatenate([whitening, -whitening], axis=1)
    return both.reshape(PATCH, PATCH, channels, -1).astype(np.float32)


def block(x: KerasTensor, width: int, depth: int) -> KerasTensor:
    """Halves the image, then convolves it once more, or twice beside a shortcut.

    Args:
        x: [batch, height, width, features].
        width: features afterwards.
        depth: 2 or 3 convolutions in all.

    Returns:
        [batch, height // 2, width // 2, `width` features], at least 0.
    """
    x = layers.MaxPooling2D()(convolved(x, width))
    x = layers.ReLU()(normalized(x))
    shortcut = x
    x = normalized(convolved(x, width))
    if depth == 3:
        x = normalized(convolved(layers.ReLU()(x), width))
        x = layers.Add()([x, shortcut])
    return layers.ReLU()(x)


def convolved(x: KerasTensor, filters: int) -> KerasTensor:
    """Convolves 3 x 3 with a kernel that starts as the identity."""
    start = PartialIdentity()
    layer = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer=start)
    return layer(x)


def normalized(x: KerasTensor) -> KerasTensor:
    """Normalises over the batch, with a bias that learns BIAS_SPEED times as fast as a kernel.

    A factor s of the learning rate is a bias measured in units of sqrt(s): here the frozen
    gamma = 1 / sqrt(s) makes everything else smaller instead. ReLU, pooling and the normalisation
    of the next convolution do not see a common factor, so nothing undoes it before the logits.
    This way any Keras optimizer will do and the saved model stays one of plain Keras layers.

    Args:
        x: [batch, height, width, features].

    Returns:
        The same shape; standard deviation 1 / sqrt(BIAS_SPEED) before the bias moves.
    """
    gamma = keras.initializers.Constant(BIAS_SPEED**-0.5)
    layer = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-6, gamma_initializer=gamma, name=None
    )
    y = layer(x)
    layer.gamma.trainable = False
    return y


@keras.saving.register_keras_serializable("keras_models")
class PartialIdentity(keras.initializers.Initializer):
    """Starts a convolution as the identity on as many features as it has; the rest is random.

    The random filters are uniform within 1 / sqrt(inputs), PyTorch's default that the paper keeps.

    Source: `dirac_` in PyTorch; Zagoruyko and Komodakis 2017, arXiv 1706.00388.
    """

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> KerasTensor:
        """Returns a kernel [height, width, inputs, filters] of odd height and width."""
        height, width, inputs, filters = shape
        start = keras.initializers.VarianceScaling(1 / 3, distribution="uniform")
        kernel = np.array(start(shape, dtype="float32"))
        same = min(inputs, filters)
        kernel[..., :same] = 0
        kernel[height // 2, width // 2, range(same), range(same)] = 1
        return ops.convert_to_tensor(kernel, dtype=dtype)

    def get_config(self) -> dict[str, object]:
        """Returns no settings: there are none."""
        return {}
