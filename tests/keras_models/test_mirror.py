"""A classifier that looks both ways: trained as ever, and blind to left and right in its answer."""

import keras
import numpy as np
import pytest

from keras_models.cnn import CNNConfig, build
from keras_models.data_spec import ImageSpec
from keras_models.training import ClassifierTraining


@pytest.fixture
def images():
    return np.random.default_rng(3).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(params=["plain", "residual"])
def model(request, images):
    spec = ImageSpec(height=16, width=16, channels=3, classes=("a", "b", "c"), sample=images)
    config = CNNConfig(
        architecture=request.param, filters=(8, 8), units=0, dropout=0.0, mirrored=True
    )
    return build(config, ClassifierTraining(), spec, 10)


def test_an_image_and_its_mirror_image_have_one_answer(model, images):
    answers = np.asarray(model(images, training=False))
    mirrored = np.asarray(model(images[:, :, ::-1], training=False))
    assert answers.shape == (4, 3)
    differences_between_images = np.ptp(answers, axis=0).max()
    assert np.abs(answers - mirrored).max() < 1e-2 * differences_between_images


def test_training_sees_each_image_once(model, images):
    answers = np.asarray(model(images, training=True))
    mirrored = np.asarray(model(images[:, :, ::-1], training=True))
    assert answers.shape == (4, 3)
    assert np.abs(answers - mirrored).max() > 1e-3
    model.fit(images, np.array([0, 1, 2, 0]), epochs=1, verbose=0)


def test_it_is_saved_and_loaded(model, images, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(loaded(images), model(images))
