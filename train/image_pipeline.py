"""Batches for `fit`, each a pure function of the seed and the number of its step.

There is no shuffle buffer and no position to save: the order of an epoch is drawn from
(seed, epoch), the distortions of a batch from (seed, step). A run that was killed at step k goes
on with the dataset that starts at step k, and sees what it would have seen.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_models.training import ImageTraining
from train.augmentation import augment
from train.image_files import ImageFiles
from train.images import ImageData, ImageSet


def fitted(data: ImageData, training: ImageTraining) -> ImageTraining:
    """Returns the settings with a batch that is no larger than the training part."""
    return dataclasses.replace(training, batch_size=min(training.batch_size, len(data.training)))


def steps_per_epoch(data: ImageData, training: ImageTraining) -> int:
    """Returns the optimizer steps in an epoch; the last, incomplete batch is left out."""
    return max(1, len(data.training) // training.batch_size)


def training_batches(
    data: ImageData, training: ImageTraining, *, seed: int, start_step: int = 0
) -> tf.data.Dataset:
    """Returns the batches from `start_step` to the end of the run.

    Element i is the same whatever `start_step` was, counted from the run's beginning.

    Returns:
        (uint8 [batch, height, width, channels], int64 [batch]); shapes are fixed, so that one
        trace of the training step serves all. A set smaller than the batch size is one batch.
    """
    images = data.training
    steps = steps_per_epoch(data, training)
    batch_size = min(training.batch_size, len(images))
    draw = _drawing(images)

    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(images), dtype=tf.int64),
            seed=tf.stack([tf.constant(seed, tf.int64), epoch]),
        )
        batches = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        first = tf.maximum(start_step - epoch * steps, 0)
        numbers = tf.range(first, steps, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((epoch * steps + numbers, batches[first:]))

    def batch(step: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        drawn, answers = draw(indices)
        distorted = augment(
            drawn, most=training.distortion, seed=tf.stack([tf.constant(seed, tf.int64) + 1, step])
        )
        shape = (batch_size, *images.pixels.shape[1:])
        return tf.ensure_shape(distorted, shape), answers

    epochs = tf.data.Dataset.range(start_step // steps, training.epochs)
    dataset = epochs.flat_map(epoch_batches).map(batch, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(_as_written())


def validation_batches(data: ImageData, training: ImageTraining) -> tf.data.Dataset:
    """Returns the validation images in their order; the last batch may be smaller."""
    images = data.validation
    indices = tf.data.Dataset.range(len(images)).batch(training.batch_size)
    dataset = indices.map(_drawing(images), num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    return dataset.with_options(_as_written())


def _drawing(images: ImageSet) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """A function from indices int64 [batch] to those images and their labels."""
    labels = _resident(images.labels)
    if isinstance(images.pixels, ImageFiles):
        files, names = images.pixels, _resident(images.pixels.names)
        return lambda at: (files.decode(tf.gather(names, at)), tf.gather(labels, at))
    pixels = _resident(images.pixels)
    return lambda at: (tf.gather(pixels, at), tf.gather(labels, at))


def _resident(array: np.ndarray) -> tf.Tensor:
    """A tensor in the machine's memory, which a graph captures by reference and does not copy."""
    with tf.device("CPU:0"):
        return tf.convert_to_tensor(array)


def _as_written() -> tf.data.Options:
    """Leaves out the graph rewrites: there is nothing to gain, and they copy all images twice."""
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    return options
