"""The two networks of a GAN: transposed convolutions make images, strided ones judge them.

Images are float in [-1, 1] between them. The generator makes a small map of a random vector with
one dense layer and doubles it until it is an image; the discriminator halves an image until one
dense layer makes a logit of the flattened map.

Source: Radford et al. 2016, arXiv 1511.06434 (DCGAN). Classes: Mirza and Osindero 2014, arXiv
1411.1784 (in the generator); Miyato and Koyama 2018, arXiv 1802.05637 (in the discriminator).
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import layers

from keras_models.data_spec import ImageSpec
from keras_models.errors import BadInput
from keras_models.gan_layers import AddChosen, DepthToSpace, LeakyReLU, Offset, SpaceToDepth


@dataclass(frozen=True, kw_only=True)
class GANConfig:
    """The architecture: whatever changes the weights or the graph."""

    latent: int = 64
    """Length of the random vector that an image is made of."""
    unconditional: bool = False
    """Make images of no class in particular, even where the data have classes."""
    embedding: int = 32
    """Length of the vector that tells the generator which class to make."""
    coarsest: int = 8
    """Largest side of the coarsest maps: sides are halved, once at least, until they fit."""
    generator_filters: tuple[int, ...] = (128, 64)
    """Channels of the generator's maps, from the coarsest; where the image takes more steps than
    there are numbers, the first counts for those too."""
    discriminator_filters: tuple[int, ...] = (64, 128)
    """Channels of the discriminator's maps, from the finest; where the image takes more steps than
    there are numbers, the last counts for those too."""
    residuals: int = 0
    """Residual convolutions of 3 × 3 that refine each of these maps, in both networks."""
    patch: int = 2
    """Side of the squares of pixels that the finest maps hold as channels; 1 for pixels alone."""
    kernel_size: int = 4
    """Side of the kernels of the steps between two maps, in pixels."""
    upsampling: Literal["transposed", "resize"] = "transposed"
    """How maps are doubled: by a transposed convolution, or by repeating pixels before one."""
    normalization: Literal["none", "batch"] = "none"
    """batch: batch normalization in the generator; the discriminator never has any."""
    slope: float = 0.2
    """Of the leaky rectifier, for negative values."""
    spectral: bool = False
    """Hold every layer of the discriminator to a spectral norm of 1 (Miyato et al. 2018)."""
    dropout: float = 0.0
    """Share of the discriminator's features that is dropped while training."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        for name in ("latent", "embedding", "coarsest", "kernel_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("generator_filters", "discriminator_filters"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(f"{name} must be positive numbers, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")
        if self.residuals < 0:
            raise ValueError(f"residuals must not be negative, got {self.residuals}")


def classes_of(config: GANConfig, spec: ImageSpec) -> int:
    """Returns how many classes the networks are told apart; 0 where they are told none."""
    return 0 if config.unconditional or len(spec.classes) < 2 else len(spec.classes)


def generator(config: GANConfig, spec: ImageSpec) -> keras.Model:
    """Builds the network that makes images, under the dtype policy in force.

    Returns:
        float32 `latent` [batch, latent] (, int32 `label` [batch]) → float32 [batch, height, width,
        channels] in [-1, 1].

    Raises:
        BadInput: the images are too small or too large.
    """
    halvings = _halvings(config, spec)
    shrinking = config.patch * 2**halvings
    height, width = (-(-side // shrinking) for side in (spec.height, spec.width))
    latent = keras.Input((config.latent,), name="latent")
    classes, inputs, x = classes_of(config, spec), [latent], latent
    if classes:
        label = keras.Input((), dtype="int32", name="label")
        vector = layers.Embedding(classes, config.embedding, name="class_vector")(label)
        x, inputs = layers.Concatenate(name="latent_and_class")([latent, vector]), [latent, label]
    plain = config.normalization == "none"
    steps = halvings + (config.patch > 1)
    filters = config.generator_filters
    first, *others = [filters[0]] * (steps - len(filters)) + list(filters)
    x = layers.Dense(
        height * width * first, use_bias=plain, kernel_initializer="lecun_normal", name="base"
    )(x)
    x = layers.Reshape((height, width, first), name="base_maps")(x)
    others.append(spec.channels * config.patch**2)
    for number, channels in enumerate(others, start=1):
        name = f"step{number}"
        x = _rectified(_refined(x, config, name), config, name)
        is_last = number == len(others)
        last_doubling = len(others) - (config.patch > 1)
        is_doubling = last_doubling - halvings < number <= last_doubling
        x = _enlarged(x, channels, config, is_doubling, is_last, name)
    if config.patch > 1:
        x = DepthToSpace(config.patch, name="pixels")(x)
    wanted = (spec.height, spec.width)
    surplus = [(0, have - want) for have, want in zip(x.shape[1:3], wanted, strict=True)]
    if any(extra for _, extra in surplus):
        x = layers.Cropping2D(tuple(surplus), name="cropped")(x)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(inputs, image, name="generator")


def _rectified(x: keras.KerasTensor, config: GANConfig, name: str) -> keras.KerasTensor:
    if config.normalization == "batch":
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_normalization")(x)
    return layers.LeakyReLU(config.slope, name=f"{name}_rectifier")(x)


def _enlarged(
    x: keras.KerasTensor,
    filters: int,
    config: GANConfig,
    is_doubling: bool,
    is_last: bool,
    name: str,
) -> keras.KerasTensor:
    size, channels = config.kernel_size, x.shape[-1]
    gain = 1.0 if is_last else 2.0
    settings: dict[str, Any] = {
        "padding": "same",
        "use_bias": is_last or config.normalization == "none",
    }
    if not is_doubling:
        size = _odd(size)
        settings["kernel_initializer"] = _normal(gain / (channels * size**2))
        return layers.Conv2D(filters, size, name=f"{name}_convolution", **settings)(x)
    if config.upsampling == "resize":
        x = layers.UpSampling2D(2, name=f"{name}_resize")(x)
        settings["kernel_initializer"] = _normal(gain / (channels * size**2))
        return layers.Conv2D(filters, size, name=f"{name}_convolution", **settings)(x)
    # Each output pixel is reached by a quarter of the kernel.
    settings["kernel_initializer"] = _normal(gain * 4 / (channels * size**2))
    return layers.Conv2DTranspose(filters, size, strides=2, name=f"{name}_transposed", **settings)(
        x
    )


def _odd(size: int) -> int:
    """The kernel of a step that keeps the size has a middle."""
    return size if size % 2 else size - 1


def _normal(variance: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=math.sqrt(variance))


def _refined(x: keras.KerasTensor, config: GANConfig, name: str) -> keras.KerasTensor:
    """Adds to maps what convolutions make of them: at first nothing (Zhang et al. 2019)."""
    for number in range(1, config.residuals + 1):
        change = LeakyReLU(config.slope, name=f"{name}_residual{number}_rectifier")(x)
        change = layers.Conv2D(
            x.shape[-1],
            3,
            padding="same",
            kernel_initializer="zeros",
            name=f"{name}_residual{number}",
        )(change)
        x = layers.Add(name=f"{name}_refined{number}")([x, change])
    return x


def discriminator(config: GANConfig, spec: ImageSpec) -> keras.Model:
    """Builds the network that tells real images from made ones, under the dtype policy in force.

    Returns:
        float32 `image` [batch, height, width, channels] in [-1, 1] (, int32 `label` [batch]) →
        float32 `logit` [batch], whose sigmoid is the probability that the image is real.

    Raises:
        BadInput: the images are too small or too large.
    """
    halvings = _halvings(config, spec)
    image = keras.Input((spec.height, spec.width, spec.channels), name="image")
    x = image
    if config.patch > 1:
        extra = [(0, -side % config.patch) for side in (spec.height, spec.width)]
        x = layers.ZeroPadding2D(tuple(extra))(x) if any(e for _, e in extra) else x
        x = SpaceToDepth(config.patch, name="patches")(x)
    steps, widths = halvings + (config.patch > 1), config.discriminator_filters
    widths += (widths[-1],) * (steps - len(widths))
    for number, filters in enumerate(widths, start=1):
        name = f"step{number}"
        is_halving = 0 < number - (config.patch > 1) <= halvings
        strides, size = (2, config.kernel_size) if is_halving else (1, _odd(config.kernel_size))
        convolution = layers.Conv2D(
            filters,
            size,
            strides=strides,
            padding="same",
            kernel_initializer=_normal((2.0 if number > 1 else 1.0) / (x.shape[-1] * size**2)),
            name=f"{name}_convolution",
        )
        x = _constrained(convolution, config)(x)
        x = _refined(x, config, name)
        x = LeakyReLU(config.slope, name=f"{name}_rectifier")(x)
        if config.dropout:
            x = layers.Dropout(config.dropout, name=f"{name}_dropout")(x)
    features = layers.Flatten(name="features")(x)
    classes, inputs = classes_of(config, spec), [image]
    score = _constrained(
        layers.Dense(1, use_bias=False, kernel_initializer="lecun_normal", name="realness"), config
    )(features)
    if classes:
        label = keras.Input((), dtype="int32", name="label")
        scores = _constrained(
            layers.Dense(
                classes, use_bias=False, kernel_initializer="zeros", name="class_realness"
            ),
            config,
        )(features)
        score = AddChosen(name="conditional_realness")([score, scores, label])
        inputs = [image, label]
    logit = Offset(name="logit", dtype="float32")(score)
    return keras.Model(inputs, logit, name="discriminator")


def _constrained(layer: keras.layers.Layer, config: GANConfig) -> keras.layers.Layer:
    return layers.SpectralNormalization(layer, name=layer.name) if config.spectral else layer


def _halvings(config: GANConfig, spec: ImageSpec) -> int:
    """How often the image, or the map of its patches, is halved until it is coarse enough."""
    if not 8 <= min(spec.height, spec.width) <= max(spec.height, spec.width) <= 64:
        raise BadInput(
            f"images of {spec.height} × {spec.width} pixels: a GAN here makes sides of 8 to 64; "
            "resize a folder's images with --image-size"
        )
    side, halvings = -(-max(spec.height, spec.width) // config.patch), 0
    while side > config.coarsest or (not halvings and config.patch == 1):
        side, halvings = -(-side // 2), halvings + 1
    return halvings
