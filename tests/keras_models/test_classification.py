"""What any classifier serves and is measured by, on the small network as an example."""

import numpy as np
import pytest
import tensorflow as tf

from keras_models import classification, cnn
from keras_models.data_spec import ImageSpec
from keras_models.family import Examples
from keras_models.training import ClassifierTraining


@pytest.fixture(scope="module")
def made():
    return ImageSpec(
        height=28,
        width=28,
        channels=1,
        classes=("0", "1", "2"),
        sample=np.random.default_rng(0).integers(0, 256, (50, 28, 28, 1)).astype(np.uint8),
    )


@pytest.fixture(scope="module")
def model(made):
    return cnn.build(cnn.CNNConfig(), ClassifierTraining(), made, 10)


def test_what_is_served_is_declared_and_adds_up_to_one(model, made):
    served, from_bytes, *_ = classification.signatures(model, made)
    answers = served.function(image=tf.constant(made.sample[:5]))
    assert [tensor.name for tensor in served.outputs] == list(answers)
    np.testing.assert_allclose(np.sum(answers["probabilities"], axis=1), 1, rtol=1e-6)
    png = tf.io.encode_png(made.sample[0])
    named = tf.function(from_bytes.function)(image_bytes=tf.stack([png, png]))
    index = int(answers["label"][0])
    assert [name.decode() for name in named["class"].numpy()] == [made.classes[index]] * 2
    np.testing.assert_allclose(named["probabilities"][0], answers["probabilities"][0], rtol=1e-5)


def test_measures_are_of_the_logits(model, made):
    answers = np.asarray(model(made.sample[:20])).argmax(axis=1)
    figures = classification.measure(
        model, Examples(inputs={"image": made.sample[:20]}, answers=answers, spec=made)
    )
    assert figures["accuracy"] == 1.0
    assert figures["loss"] > 0
