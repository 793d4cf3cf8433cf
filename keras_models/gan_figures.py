"""How good a generator is, as its judge sees it: on held-out images, as many made as real."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_models.data_spec import ImageSpec
from keras_models.family import Examples
from keras_models.gan_signatures import Made, latents
from keras_models.generative_metrics import frechet_distance, nearest, neighbourhoods
from keras_models.judge import Judge

SEED = 20140610
"""Of the latents that a model is measured with: always the same ones."""
CLASS_SHARE = 0.1
"""A class counts as made where it has a tenth of the share that is due to it."""


@dataclass(frozen=True, kw_only=True)
class _Sight:
    """What the judge sees: features of held-out and of made images, and the latter's classes.

    `asked` are the classes that they were asked to be, None for an unconditional model.
    """

    judge: Judge
    real: np.ndarray
    fake: np.ndarray
    classes: np.ndarray
    asked: np.ndarray | None


def follow(model: keras.Model, examples: Examples[ImageSpec]) -> dict[str, float]:
    """Measures what is cheap enough to be measured again and again while training.

    Returns:
        `frechet_distance` beside its `frechet_floor`, of real images from real ones; `precision`,
        `recall`, `density`, `coverage`; `class_accuracy`, the share of made images that the judge
        takes for what they were asked to be (of a conditional model); `classes_made`,
        `smallest_class_share` and `largest_class_share` of what it takes them for; `made_images`,
        how many there were.
    """
    return _followed(_seen(model, examples))


def measure(model: keras.Model, examples: Examples[ImageSpec]) -> dict[str, float]:
    """Measures a finished model.

    Returns:
        What `follow` returns, and `coverage_floor`, the coverage of real images by real ones;
        `nearest_training_distance` from a made image to the nearest training image, in the middle
        of all, beside the same of held-out images: if it is much the smaller, the generator copies.
    """
    sight = _seen(model, examples)
    known = sight.judge.training_features(len(sight.judge.training))
    to_known = (np.median(nearest(some, known)[1]) for some in (sight.fake, sight.real))
    distance, distance_of_real = map(float, to_known)
    return {
        **_followed(sight),
        "coverage_floor": neighbourhoods(sight.real, known[: len(sight.real)]).coverage,
        "nearest_training_distance": distance,
        "nearest_training_distance_of_real": distance_of_real,
    }


def _seen(model: keras.Model, examples: Examples[ImageSpec]) -> _Sight:
    """Makes as many images as there are real ones, of the same classes."""
    judge: Judge | None = examples.judge
    if judge is None:
        raise ValueError("a generator is measured by a judge, and there is none")
    made, count = Made(model), len(examples.answers)
    asked = examples.answers if made.is_conditional else None
    latent = latents(tf.constant(SEED, tf.int64), tf.constant(count), made.latent).numpy()
    fake, classes = judge.look(made.images(latent, asked))
    if judge.classes != examples.spec.classes:  # it knows other things
        asked = None
    real = judge.features_of(f"held out {count}", examples.inputs["image"])
    return _Sight(judge=judge, real=real, fake=fake, classes=classes, asked=asked)


def _followed(sight: _Sight) -> dict[str, float]:
    real, fake, classes = sight.real, sight.fake, sight.classes
    near = neighbourhoods(real, fake)
    shares = np.bincount(classes, minlength=len(sight.judge.classes)) / len(classes)
    figures = {
        "frechet_distance": frechet_distance(real, fake),
        "frechet_floor": frechet_distance(real, sight.judge.training_features(len(real))),
        "precision": near.precision,
        "recall": near.recall,
        "density": near.density,
        "coverage": near.coverage,
        "classes_made": float(np.sum(shares * len(shares) >= CLASS_SHARE)),
        "smallest_class_share": float(shares.min()),
        "largest_class_share": float(shares.max()),
        "made_images": float(len(fake)),
    }
    if sight.asked is not None:
        figures["class_accuracy"] = float(np.mean(classes == sight.asked))
    return figures
