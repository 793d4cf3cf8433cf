"""Generative adversarial networks: a generator learns to be taken for real by a discriminator.

Made images are measured by a judge, a classifier of the same data, since neither network's loss
says how good they are.

Source: Goodfellow et al. 2014, arXiv 1406.2661; Radford et al. 2016, arXiv 1511.06434 (DCGAN);
Huang et al. 2024, arXiv 2501.05441 (R3GAN).
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from keras_models import gan_figures, gan_observations, gan_signatures
from keras_models.data_spec import ImageSpec
from keras_models.family import Examples, Family, Monitor, Preset
from keras_models.gan_model import GAN
from keras_models.gan_networks import GANConfig, classes_of, discriminator, generator
from keras_models.gan_rules import Rules
from keras_models.optimizer import optimizer
from keras_models.training import GANTraining


def build(
    config: GANConfig, training: GANTraining, spec: ImageSpec, steps_per_epoch: int
) -> keras.Model:
    """Builds and compiles both networks under the dtype policy in force.

    Returns:
        float32 `latent` [batch, latent] (, int32 `label` [batch]), uint8 `image` [batch, height,
        width, channels] → images made of the latents in [-1, 1], and logits of those given.

    Raises:
        BadInput: the images are too small or too large.
    """
    makes, judges = generator(config, spec), discriminator(config, spec)
    latent = keras.Input((config.latent,), name="latent")
    label = [keras.Input((), dtype="int32", name="label")] if classes_of(config, spec) else []
    image = keras.Input((spec.height, spec.width, spec.channels), dtype="uint8", name="image")
    pixels = layers.Rescaling(1 / 127.5, -1, dtype="float32", name="rescaling")(image)
    made, logit = (
        network([first, *label] if label else first)
        for network, first in ((makes, latent), (judges, pixels))
    )
    model = GAN([latent, *label, image], [made, logit], name="gan")
    raw = dataclasses.replace(training, average_decay=0.0)  # the model keeps its averages itself
    rate = training.learning_rate * training.discriminator_rate
    model.compile(
        optimizer=optimizer(raw, steps_per_epoch),
        discriminator_optimizer=optimizer(
            dataclasses.replace(raw, learning_rate=rate), steps_per_epoch
        ),
        rules=Rules(
            loss=training.loss,
            gradient_penalty=training.gradient_penalty,
            penalty_every=training.penalty_every,
            penalize_fake=training.penalize_fake,
            average_decay=training.average_decay,
            augmentations=training.augmentations,
            class_weight=training.class_weight,
        ),
        steps_per_execution=training.steps_per_execution,
        jit_compile=training.jit,
    )
    return model


def gradients(model: GAN, examples: Examples[ImageSpec]) -> Iterable[tuple[Any, tf.Tensor]]:
    """Returns the gradient of each weight of both networks, on held-out images."""
    images, labels = examples.inputs["image"][:64], examples.answers[:64]
    return model.gradients(tf.constant(images), tf.constant(labels))


PRESETS = {
    "small": Preset(
        summary="8 × 8 digits: relativistic loss, penalized gradients, averaged weights",
        model=GANConfig(generator_filters=(96,), discriminator_filters=(64, 96), coarsest=4),
        training=GANTraining(
            epochs=100,
            batch_size=64,
            learning_rate=1e-3,
            warmup_epochs=1.0,
            beta_1=0.0,
            beta_2=0.99,
            average_decay=0.998,
            measure_every=5,
            steps_per_execution=10,
        ),
    ),
    # mnist: 10,000 made images, a judge that is 99.72 % right: coverage 0.901 (real: 0.944),
    # 99.99 % of the class asked for, in 659 s on two shared Sapphire Rapids cores, bfloat16.
    # keras-train gan --data mnist --preset mnist --run runs/mnist-gan
    "mnist": Preset(
        summary="28 × 28 to 64 × 64: the same, larger, and both networks learn the class too",
        model=GANConfig(),
        training=GANTraining(
            epochs=16,
            batch_size=64,
            gradient_penalty=0.1,
            class_weight=0.2,
            learning_rate=1e-3,
            warmup_epochs=0.0,
            beta_1=0.0,
            beta_2=0.99,
            average_decay=0.999,
        ),
    ),
    # cifar10: 10,000 made images, a judge that is 87.54 % right: coverage 0.865 (real: 0.966),
    # 92.75 % of the class asked for, in 3,410 s on two shared Sapphire Rapids cores, bfloat16.
    # keras-train gan --data cifar10 --preset cifar10 --run runs/cifar10-gan
    "cifar10": Preset(
        summary="colour photographs of 32 × 32 pixels: an hour on two cores",
        model=GANConfig(
            coarsest=4,
            generator_filters=(192, 192, 96),
            discriminator_filters=(96, 192, 192),
        ),
        training=GANTraining(
            epochs=28,
            batch_size=64,
            gradient_penalty=0.1,
            class_weight=0.2,
            learning_rate=5e-4,
            warmup_epochs=0.0,
            beta_1=0.0,
            beta_2=0.99,
            average_decay=0.999,
            measure_every=2,
        ),
    ),
    "dcgan": Preset(
        summary="the textbooks' DCGAN, for comparison: batch normalization, dropout",
        model=GANConfig(
            latent=100,
            generator_filters=(256, 128, 64),
            discriminator_filters=(64, 128),
            patch=1,
            kernel_size=5,
            normalization="batch",
            slope=0.3,
            dropout=0.3,
        ),
        training=GANTraining(
            epochs=10,
            batch_size=64,
            loss="non_saturating",
            gradient_penalty=0.0,
            learning_rate=2e-4,
            schedule="constant",
            warmup_epochs=0.0,
            beta_1=0.5,
            beta_2=0.999,
        ),
    ),
}

FAMILY: Family[GANConfig, ImageSpec] = Family(
    name="gan",
    summary="Generative adversarial networks that make images.",
    reads="images",
    presets=PRESETS,
    build=build,
    bfloat16_pays_on_cpu=lambda config, spec: not spec.is_tiny,
    best=Monitor(metric="val_frechet_distance", mode="min"),
    signatures=gan_signatures.signatures,
    measure=gan_figures.measure,
    headline=(
        "Fréchet distance {frechet_distance:.3g} (real against real {frechet_floor:.3g}), "
        "coverage {coverage:.3f} (real against real {coverage_floor:.3f}) "
        "on {examples:,} unseen images and as many made"
    ),
    observe=gan_observations.observe,
    follow=gan_figures.follow,
    gradients=gradients,
    examples=gan_signatures.examples,
)
