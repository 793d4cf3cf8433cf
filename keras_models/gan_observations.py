"""What a GAN shows of itself: images of fixed latents, ways between them, and how it judges."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from keras_models.data_spec import ImageSpec
from keras_models.family import Examples
from keras_models.gan_signatures import Made, latents
from keras_models.generative_metrics import nearest
from keras_models.judge import Judge
from keras_models.observation import Distribution, Observation, Picture
from keras_models.picture_grid import enlarged, grid
from keras_models.pixels import as_floats

COLUMNS = 10
ROWS = 10
"""Classes, or lines without classes, that are shown at most."""
WALKS = 4
COPIES = 20
SIDE = 40
"""About how large a picture is shown."""
SEED = 7
"""Of the latents that are shown, always the same ones."""


def observe(model: keras.Model, examples: Examples[ImageSpec]) -> dict[str, Observation]:
    """Looks at both networks.

    Returns:
        pictures `made` (a row is a class, a column a latent, the same ones at every look), `real`
        beside it, `walk` between latents and, where there is a judge, `nearest`: made images over
        the training images that are most like them; distributions `probability/real` and
        `probability/fake`, what the discriminator makes of held-out and of made images, and
        `weights/<network>/<layer>`.
    """
    made, names = Made(model), examples.spec.classes
    rows = min(ROWS, len(names)) if made.is_conditional else ROWS
    labels = np.repeat(np.arange(rows, dtype=np.int32), COLUMNS) if made.is_conditional else None
    latent = _latents(rows * COLUMNS, made)
    if labels is not None:
        latent = np.tile(latent[:COLUMNS], (rows, 1))
    images = made.images(latent, labels)
    lines = "Each row is a class, each column a latent" if made.is_conditional else "Latents"
    shown: dict[str, Observation] = {
        "made": _picture(images, f"{lines}: the same at every look.", is_animated=True),
        "real": _picture(
            _real(examples, rows, made.is_conditional), "Real images, laid out alike."
        ),
        "walk": _walk(made),
    }
    if examples.judge is not None:
        shown["nearest"] = _nearest(images, examples.judge)
    shown.update(_probabilities(model, examples, images, labels))
    shown.update(_weights(model))
    return shown


def _latents(count: int, made: Made) -> np.ndarray:
    return np.asarray(latents(tf.constant(SEED, tf.int64), tf.constant(count), made.latent))


def _picture(images: np.ndarray, caption: str, *, is_animated: bool = False) -> Picture:
    tiles = [enlarged(image, SIDE) for image in images]
    return Picture(
        pixels=grid(tiles, COLUMNS)[np.newaxis], caption=caption, is_animated=is_animated
    )


def _real(examples: Examples[ImageSpec], rows: int, by_class: bool) -> np.ndarray:
    images, answers = examples.inputs["image"], examples.answers
    if not by_class:
        return np.asarray(images[: rows * COLUMNS])
    blank = np.full((COLUMNS, *images.shape[1:]), 255, np.uint8)
    lines = []
    for label in range(rows):
        some = np.asarray(images[np.flatnonzero(answers == label)[:COLUMNS]])
        lines.append(np.concatenate([some, blank[len(some) :]]))
    return np.concatenate(lines)


def _walk(made: Made) -> Picture:
    """From one latent to another along the sphere on which nearly all of them lie (White 2016)."""
    ends = _latents(2 * WALKS, made)
    share = np.linspace(0, np.pi / 2, COLUMNS)[np.newaxis, :, np.newaxis]
    along = np.cos(share) * ends[:WALKS, np.newaxis] + np.sin(share) * ends[WALKS:, np.newaxis]
    labels = np.repeat(np.arange(WALKS, dtype=np.int32), COLUMNS) if made.is_conditional else None
    if labels is not None:
        labels %= made.classes  # there may be fewer
    images = made.images(along.reshape(-1, made.latent).astype(np.float32), labels)
    return _picture(images, "Walks: each row goes from one latent to another.")


def _nearest(images: np.ndarray, judge: Judge) -> Picture:
    """Made images over the training images that the judge sees as most like them."""
    chosen = np.linspace(0, len(images) - 1, COPIES).astype(int)
    known = judge.training_features(10_000)
    places, _ = nearest(judge.look(images[chosen])[0], known)
    lines = []
    for start in range(0, COPIES, COLUMNS):
        lines += [images[i] for i in chosen[start : start + COLUMNS]]
        lines += [np.asarray(judge.training[i : i + 1])[0] for i in places[start : start + COLUMNS]]
    caption = "Made images, each over the training image that is most like it: does it copy?"
    return _picture(np.stack(lines), caption)


def _probabilities(
    model: keras.Model, examples: Examples[ImageSpec], made: np.ndarray, labels: np.ndarray | None
) -> Iterator[tuple[str, Distribution]]:
    discriminator = model.get_layer("discriminator")
    real = np.asarray(examples.inputs["image"][: len(made)])
    answers = examples.answers[: len(made)].astype(np.int32)
    for name, images, classes in (("real", real, answers), ("fake", made, labels)):
        pixels = as_floats(tf.constant(images))
        inputs = pixels if labels is None else [pixels, tf.constant(classes)]
        logits = discriminator(inputs, training=False)
        yield f"probability/{name}", Distribution(values=tf.sigmoid(logits).numpy())


def _weights(model: keras.Model) -> Iterator[tuple[str, Distribution]]:
    for network in ("generator", "discriminator"):
        for layer in model.get_layer(network).layers:
            kernel = getattr(layer, "kernel", None)
            if kernel is not None:
                values = np.asarray(kernel, np.float32)
                yield f"weights/{network}/{layer.name}", Distribution(values=values)
