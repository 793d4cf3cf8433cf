"""What a classifier shows of itself is true of it."""

import keras
import numpy as np
import pytest

from keras_models import cnn, image_observations
from keras_models.classification import classified
from keras_models.observation import Distribution, Picture
from keras_models.training import ClassifierTraining
from train import datasets


@pytest.fixture(scope="module")
def shown():
    examples = datasets.load("digits").examples(64)
    keras.utils.set_random_seed(0)
    model = cnn.build(cnn.CNNConfig(), ClassifierTraining(), examples.spec, 10)
    return model, examples, image_observations.observe(model, examples)


def test_an_untrained_model_has_mistakes_to_show(shown):
    _, _, observations = shown
    assert {"confusion_matrix", "worst_mistakes"} <= set(observations)
    assert "kernels/stage1_convolution1" in observations
    assert "feature_maps/stage1_convolution1" in observations


def test_pictures_are_pixels_and_distributions_are_the_weights(shown):
    model, _, observations = shown
    for name, observation in observations.items():
        if isinstance(observation, Picture):
            assert observation.pixels.dtype == np.uint8
            assert observation.pixels.ndim == 4
            assert observation.pixels.std() > 0
            assert observation.caption
        else:
            assert isinstance(observation, Distribution)
            layer = model.get_layer(name.removeprefix("weights/"))
            np.testing.assert_array_equal(observation.values, np.asarray(layer.kernel))


def test_a_model_without_mistakes_shows_none(shown):
    model, examples, _ = shown
    right = classified(model, examples.inputs["image"]).argmax(axis=1)
    perfect = image_observations.observe(
        model, type(examples)(inputs=examples.inputs, answers=right, spec=examples.spec)
    )
    assert "worst_mistakes" not in perfect
