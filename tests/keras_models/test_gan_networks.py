"""The networks of a GAN: of every size that is promised, in every way that can be set."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_models
from keras_models.data_spec import ImageSpec
from keras_models.errors import BadInput
from keras_models.gan_networks import GANConfig, discriminator, generator

FEW = GANConfig(latent=5, embedding=3, generator_filters=(6,), discriminator_filters=(4, 6))


def spec(height, width=None, channels=1, classes=4):
    return ImageSpec(
        height=height,
        width=width or height,
        channels=channels,
        classes=tuple(map(str, range(classes))),
    )


def answers(config, data):
    makes, judges = generator(config, data), discriminator(config, data)
    latent, label = tf.ones((2, config.latent)), tf.constant([0, 1])
    is_conditional = len(makes.inputs) > 1
    images = makes([latent, label] if is_conditional else latent)
    return images, judges([images, label] if is_conditional else images)


@pytest.mark.parametrize("size", [(8, 8, 1), (13, 10, 3), (28, 28, 1), (32, 32, 3), (64, 64, 3)])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"patch": 1, "coarsest": 4},
        {"upsampling": "resize", "normalization": "batch", "patch": 1},
        {"residuals": 1, "spectral": True, "dropout": 0.2, "kernel_size": 3},
    ],
)
def test_images_are_as_large_as_the_datas_and_judged_by_one_number(size, settings):
    height, width, channels = size
    config = dataclasses.replace(FEW, **settings)
    images, logits = answers(config, spec(height, width, channels))
    assert images.shape == (2, height, width, channels)
    assert np.abs(images).max() <= 1
    assert logits.shape == (2,)


@pytest.mark.parametrize("preset", keras_models.get("gan").presets)
def test_a_new_generator_makes_pixels_of_all_values_and_is_not_saturated(preset):
    keras.utils.set_random_seed(0)
    config = keras_models.get("gan").presets[preset].model
    makes = generator(config, spec(28))
    latent = np.random.default_rng(0).standard_normal((50, config.latent)).astype(np.float32)
    images = np.asarray(makes([latent, np.zeros(50, np.int32)]))
    assert 0.05 < images.std() < 0.9


@pytest.mark.parametrize(("classes", "unconditional"), [(1, False), (4, True)])
def test_without_classes_there_is_no_label(classes, unconditional):
    config = dataclasses.replace(FEW, unconditional=unconditional)
    data = spec(8, classes=classes)
    assert [one.name for one in generator(config, data).inputs] == ["latent"]
    assert [one.name for one in discriminator(config, data).inputs] == ["image"]


@pytest.mark.parametrize("side", [7, 65])
def test_other_sizes_are_refused_with_the_way_out(side):
    with pytest.raises(BadInput, match=f"images of {side} × {side} pixels.*--image-size"):
        generator(FEW, spec(side))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"latent": 0}, "latent must be at least 1"),
        ({"generator_filters": ()}, "generator_filters must be positive numbers"),
        ({"discriminator_filters": (8, 0)}, "discriminator_filters must be positive numbers"),
        ({"dropout": 1.0}, "dropout must be in"),
        ({"residuals": -1}, "residuals must not be negative"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        GANConfig(**settings)


def test_the_discriminator_is_told_the_class():
    keras.utils.set_random_seed(0)
    judges = discriminator(FEW, spec(8))
    judges.get_layer("class_realness").kernel.assign(
        keras.random.normal(judges.get_layer("class_realness").kernel.shape)
    )
    image = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 1)).astype(np.float32)
    logits = {float(judges([image, np.array([label], np.int32)])[0]) for label in range(4)}
    assert len(logits) == 4
