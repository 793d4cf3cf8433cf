"""What a GAN serves: an image of a latent, images of a seed, and how real an image looks to it."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from keras_models import counter_random
from keras_models.data_spec import ImageSpec
from keras_models.family import Examples
from keras_models.pixels import as_floats, as_pixels
from keras_models.signature import Arrays, Codec, Signature, Tensor

MOST_IMAGES = 1000
"""In one answer of `sample`."""
FARTHEST = 10.0
"""From zero, of a number in a latent; those that are drawn stay within 6."""
EVERY_CLASS = -1
"""The label that makes each class in turn."""
TIE = 0.02
"""How near to the middle between two pixel values runtimes may round to either."""
BATCH = 250


class Made:
    """The images that a saved GAN makes.

    Attributes:
        generator: the network.
        classes: how many it is told apart; 0 for a generator of images of no class.
        latent: how many numbers an image is made of.
    """

    def __init__(self, model: keras.Model) -> None:
        """Finds the generator."""
        self.generator = model.get_layer("generator")
        self.classes: int = 0
        if len(self.generator.inputs) > 1:
            self.classes = self.generator.get_layer("class_vector").input_dim
        self.latent: int = self.generator.inputs[0].shape[-1]

    @property
    def is_conditional(self) -> bool:
        """Whether it is told which class to make."""
        return self.classes > 0

    def images(self, latent: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """Returns uint8 [images, height, width, channels] of float32 [images, latent]."""
        made = []
        for start in range(0, len(latent), BATCH):
            given = {"latent": tf.constant(latent[start : start + BATCH])}
            if labels is not None:
                given["label"] = tf.constant(labels[start : start + BATCH], tf.int32)
            made.append(as_pixels(self.floats(**given)).numpy())
        return np.concatenate(made)

    def floats(self, latent: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """Returns images in [-1, 1]."""
        inputs = [latent, label] if self.is_conditional else latent
        return self.generator(inputs, training=False)


def latents(seed: tf.Tensor, count: tf.Tensor, length: int) -> tf.Tensor:
    """Returns float32 [count, length], normal numbers that are alike in every runtime."""
    images = tf.range(tf.cast(count, tf.int64))[:, tf.newaxis]
    return counter_random.normal(seed, images, tf.range(length, dtype=tf.int64)[tf.newaxis])


def examples(model: keras.Model, held_out: Examples[ImageSpec]) -> Arrays:
    """Returns latents and labels to make images of, beside the held-out images themselves."""
    made, count = Made(model), len(held_out.answers)
    arrays = {
        "latent": latents(tf.constant(0, tf.int64), tf.constant(count), made.latent).numpy(),
        "image": np.asarray(held_out.inputs["image"][:]),
    }
    if made.is_conditional:
        arrays["label"] = held_out.answers.astype(np.int32)
    return arrays


def signatures(model: keras.Model, spec: ImageSpec) -> list[Signature]:
    """Returns `serving_default` on latents, `sample`, `discriminate`, and `sample_png`."""
    made = Made(model)
    label = _label(spec, ("batch",)) if made.is_conditional else ()
    return [
        _image_of_latent(made, spec, label),
        _sample(made, spec),
        _discriminate(model.get_layer("discriminator"), spec, label),
        _sample_png(made, spec),
    ]


def _image_of_latent(made: Made, spec: ImageSpec, label: tuple[Tensor, ...]) -> Signature:
    def function(**given: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return {"image": as_pixels(made.floats(**given))}

    def ties(inputs: Arrays, outputs: Arrays) -> Arrays:
        return {"image": _ties(made.floats(**{n: tf.constant(v) for n, v in inputs.items()}))}

    latent = Tensor(
        name="latent",
        dtype="float32",
        shape=("batch", made.latent),
        minimum=-FARTHEST,
        maximum=FARTHEST,
    )
    return Signature(
        name="serving_default",
        summary="The image that a vector of normal numbers stands for.",
        function=function,
        inputs=(latent, *label),
        outputs=(_image(spec, "batch"),),
        ties=ties,
    )


def _sample(made: Made, spec: ImageSpec) -> Signature:
    def ties(inputs: Arrays, outputs: Arrays) -> Arrays:
        return {"image": _ties(_drawn(made, spec, **inputs))}

    return Signature(
        name="sample",
        summary="Images of a seed: the same seed gives the same images everywhere. "
        + ("Label -1 makes each class in turn." if made.is_conditional else ""),
        function=lambda **given: {"image": as_pixels(_drawn(made, spec, **given))},
        inputs=_wishes(made, spec),
        outputs=(_image(spec, "count"),),
        cases=lambda examples: _cases(made, spec),
        ties=ties,
    )


def _sample_png(made: Made, spec: ImageSpec) -> Signature:
    def function(**given: tf.Tensor) -> Mapping[str, tf.Tensor]:
        pixels = as_pixels(_drawn(made, spec, **given))
        return {"png": tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)}

    def ties(inputs: Arrays, outputs: Arrays) -> Arrays:
        tied = _ties(_drawn(made, spec, **inputs))
        return {"png": np.any(tied.reshape(len(tied), -1), axis=1)}

    return Signature(
        name="sample_png",
        summary="The same as PNG files.",
        function=function,
        inputs=_wishes(made, spec),
        outputs=(Tensor(name="png", dtype="string", shape=("count",)),),
        runtimes=("savedmodel",),
        cases=lambda examples: _cases(made, spec),
        ties=ties,
    )


def _discriminate(
    discriminator: keras.Model, spec: ImageSpec, label: tuple[Tensor, ...]
) -> Signature:
    def function(image: tf.Tensor, label: tf.Tensor | None = None) -> Mapping[str, tf.Tensor]:
        pixels = as_floats(image)
        logit = discriminator(pixels if label is None else [pixels, label], training=False)
        return {"probability": tf.sigmoid(logit)}

    return Signature(
        name="discriminate",
        summary="How probable the discriminator finds it that an image is real: 1 real, 0 made.",
        function=function,
        inputs=(_image(spec, "batch"), *label),
        outputs=(Tensor(name="probability", dtype="float32", shape=("batch",)),),
    )


def _drawn(
    made: Made, spec: ImageSpec, seed: tf.Tensor, count: tf.Tensor, label: tf.Tensor | None = None
) -> tf.Tensor:
    """Images in [-1, 1], [count, height, width, channels]."""
    latent = latents(tf.convert_to_tensor(seed), tf.convert_to_tensor(count), made.latent)
    if label is None:
        return made.floats(latent)
    in_turn = tf.range(count) % len(spec.classes)
    return made.floats(latent, tf.where(tf.equal(label, EVERY_CLASS), in_turn, label))


def _wishes(made: Made, spec: ImageSpec) -> tuple[Tensor, ...]:
    return (
        Tensor(name="seed", dtype="int64", shape=(), minimum=0),
        Tensor(name="count", dtype="int32", shape=(), minimum=1, maximum=MOST_IMAGES),
        *(_label(spec, (), least=EVERY_CLASS) if made.is_conditional else ()),
    )


def _cases(made: Made, spec: ImageSpec) -> dict[str, Arrays]:
    """One image, some of one class, each class in turn; small seeds and the largest."""
    wishes = {
        "1": (1, 1, 0),
        "32": (2, 32, EVERY_CLASS),
        "5": (2**63 - 1, 5, len(spec.classes) - 1),
    }
    return {
        f"real_{name}": {
            "seed": np.array(seed, np.int64),
            "count": np.array(count, np.int32),
            **({"label": np.array(label, np.int32)} if made.is_conditional else {}),
        }
        for name, (seed, count, label) in wishes.items()
    }


def _ties(floats: tf.Tensor) -> np.ndarray:
    """Where a pixel lies so near to the middle of two values that either is right."""
    exact = (np.asarray(floats, np.float64) + 1.0) * 127.5
    return np.asarray(np.abs(exact - np.floor(exact) - 0.5) < TIE)


def _image(spec: ImageSpec, count: str) -> Tensor:
    size = {"height": spec.height, "width": spec.width, "channels": spec.channels}
    return Tensor(
        name="image",
        dtype="uint8",
        shape=(count, spec.height, spec.width, spec.channels),
        codec=Codec(name="image", settings=size),
    )


def _label(spec: ImageSpec, shape: tuple[str, ...], *, least: int = 0) -> tuple[Tensor]:
    classes = list(spec.classes)
    codec = Codec(name="class", settings={"classes": classes})
    return (
        Tensor(
            name="label",
            dtype="int32",
            shape=shape,
            codec=codec,
            minimum=least,
            maximum=len(classes) - 1,
        ),
    )
