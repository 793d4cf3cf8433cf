"""Answers by an image and its mirror image together: two layers around any classifier.

Training sees one image, as always; inference sees it both ways and averages the logits. It costs
twice the work and a left-right flip must not change the answer: right for photographs, wrong for
digits.

Source: Krizhevsky et al. 2012, section 4.1 (averaging over crops and their reflections).
"""

from typing import Any

import keras
from keras import KerasTensor, ops


@keras.saving.register_keras_serializable("keras_models")
class BothWays(keras.layers.Layer):
    """Appends to a batch the mirror image of each image, at inference only.

    uint8 or float [batch, height, width, channels] → the same, [2 * batch, …] at inference.
    """

    def __init__(self, **settings: Any) -> None:
        """Pixels keep their dtype whatever the policy."""
        super().__init__(**{"autocast": False, **settings})

    def call(self, images: KerasTensor, training: bool = False) -> KerasTensor:
        """Mirrors left to right."""
        if training:
            return images
        return ops.concatenate([images, images[:, :, ::-1]], axis=0)


@keras.saving.register_keras_serializable("keras_models")
class MeanOfBothWays(keras.layers.Layer):
    """Averages what a network made of the two halves that `BothWays` produced.

    float [2 * batch, features] → [batch, features] at inference; unchanged in training.
    """

    def call(self, answers: KerasTensor, training: bool = False) -> KerasTensor:
        """Averages each row with the one half a batch further on."""
        if training:
            return answers
        return ops.mean(ops.reshape(answers, (2, -1, answers.shape[-1])), axis=0)
