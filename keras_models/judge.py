"""A judge: a trained classifier, through whose eyes the images that a generator makes are measured.

It looks at the features before its last layer. So nothing trained on other data is needed; in turn,
distances compare only where the judge is the same.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_models.errors import BadInput
from keras_models.mirror import MeanOfBothWays

BATCH = 250


class Judge:
    """A classifier, and the training images that it knows.

    Attributes:
        training: uint8 images that the generator learns from, in memory or left in their files.
        origin: what the classifier is, for people.
        classes: the names of those that it tells apart.
    """

    def __init__(
        self, classifier: keras.Model, classes: Sequence[str], training: Any, origin: str
    ) -> None:
        """Takes a classifier of images to logits.

        Raises:
            BadInput: it takes images of another size than these.
        """
        takes, given = tuple(classifier.input.shape[1:]), tuple(training.shape[1:])
        if takes != given:
            raise BadInput(
                f"{origin} judges images of {_size(takes)}, but these are {_size(given)}: name "
                "another with --judge"
            )
        self.training, self.origin, self.classes = training, origin, tuple(classes)
        self._seeing = _seeing(classifier)
        self._known: dict[str, np.ndarray] = {}

    def look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Looks at uint8 images.

        Returns:
            float32 [images, features], and int64 [images], the likeliest class of each.
        """
        seen = [self._look(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        features, classes = zip(*seen, strict=True)
        return np.concatenate(features), np.concatenate(classes)

    def features_of(self, name: str, images: np.ndarray) -> np.ndarray:
        """Returns the features of images that are asked for again under the same name."""
        if name not in self._known:
            self._known[name] = self.look(images)[0]
        return self._known[name]

    def training_features(self, count: int) -> np.ndarray:
        """Returns the features of the first `count` training images, or of all there are."""
        count = min(count, len(self.training))
        return self.features_of(f"training {count}", self.training[:count])

    def _look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features, logits = self._seeing(tf.constant(images))
        return features.numpy(), logits.numpy().argmax(axis=1)


def _seeing(classifier: keras.Model) -> tf.types.experimental.GenericFunction:
    """A function from images to the last dense layer's input, one row each, and to logits."""
    last = [layer for layer in classifier.layers if isinstance(layer, keras.layers.Dense)][-1]
    both = keras.Model(classifier.input, [last.input, classifier.output])
    is_mirrored = any(isinstance(layer, MeanOfBothWays) for layer in classifier.layers)
    mean = MeanOfBothWays(dtype="float32")

    @tf.function(reduce_retracing=True, autograph=False)  # type: ignore[untyped-decorator]
    def see(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, logits = both(images, training=False)
        return mean(features) if is_mirrored else features, logits

    return see


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
