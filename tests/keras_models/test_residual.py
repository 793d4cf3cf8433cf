"""The CIFAR network begins as its paper says: whitened patches, identity convolutions."""

import keras
import numpy as np

from keras_models.residual import residual, whitening_kernel


def natural_images(count=400):
    """Neighbouring pixels are alike, as in photographs."""
    noise = np.random.default_rng(0).normal(size=(count, 20, 20, 3))
    for axis in (1, 2):
        noise = noise + np.roll(noise, 1, axis=axis)
    return np.clip(noise * 30 + 128, 0, 255).astype(np.uint8)


def test_whitened_patches_are_uncorrelated_and_of_equal_size():
    pixels = natural_images().astype(np.float32) / 63.75 - 2.0
    kernel = whitening_kernel(pixels)
    answers = keras.ops.conv(pixels, kernel[..., :12]).numpy().reshape(-1, 12)
    covariance = answers.T @ answers / len(answers)
    np.testing.assert_allclose(covariance, np.eye(12), atol=0.02)


def test_the_first_layer_is_frozen_and_the_rest_learns():
    images = keras.Input((16, 16, 3), dtype="uint8")
    logits = residual(
        images, widths=(8, 16), depth=3, classes=4, sample=natural_images()[:, :16, :16]
    )
    model = keras.Model(images, logits)
    frozen = {variable.path for variable in model.non_trainable_variables}
    assert any("whitening" in path and "kernel" in path for path in frozen)
    assert model(natural_images()[:2, :16, :16]).shape == (2, 4)


def test_it_is_saved_and_loaded_as_plain_layers(tmp_path):
    images = keras.Input((16, 16, 3), dtype="uint8")
    model = keras.Model(images, residual(images, widths=(8,), depth=2, classes=4, sample=None))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    x = natural_images()[:4, :16, :16]
    np.testing.assert_array_equal(model(x), again(x))
