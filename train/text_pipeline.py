"""Windows of a text for truncated back-propagation through time, each a function of its step.

A batch's rows are streams: the text cut into as many pieces of equal length, all read at once.
Step by step each row goes on where it was, so the model's state fits (Mikolov et al. 2010;
Zaremba et al. 2014). Each epoch turns the text, as a ring, to another beginning drawn from
(seed, epoch), so that windows never fall on the same places twice.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_models.training import TextTraining
from train.corpus import TextData

VALIDATION_STREAMS = 8
"""More are faster, and each begins without a past."""


def fitted(data: TextData, training: TextTraining) -> TextTraining:
    """Returns the settings with windows and rows that the text fills at least once."""
    tokens = len(data.training)
    window = min(training.window, tokens // 2)
    return dataclasses.replace(
        training, window=window, batch_size=max(1, min(training.batch_size, tokens // window))
    )


def steps_per_epoch(data: TextData, training: TextTraining) -> int:
    """Returns the windows of a stream; what is left over at its end is not read."""
    return max(1, len(data.training) // training.batch_size // training.window)


def training_batches(
    data: TextData, training: TextTraining, *, seed: int, start_step: int = 0
) -> tf.data.Dataset:
    """Returns the windows from `start_step` to the end of the run.

    Element i is the same whatever `start_step` was, counted from the run's beginning.

    Returns:
        (int32 [batch, window], the same one token later).
    """
    steps = steps_per_epoch(data, training)
    tokens = tf.constant(data.training)
    length = len(data.training) // training.batch_size
    rows = length * tf.range(training.batch_size, dtype=tf.int64)
    columns = tf.range(training.window + 1, dtype=tf.int64)

    def window(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        beginning = tf.random.stateless_uniform(
            [],
            seed=tf.stack([tf.constant(seed, tf.int64), step // steps]),
            maxval=len(data.training),
            dtype=tf.int64,
        )
        first = beginning + rows + (step % steps) * training.window
        read = tf.gather(tokens, (first[:, tf.newaxis] + columns) % len(data.training))
        return read[:, :-1], read[:, 1:]

    numbers = tf.data.Dataset.range(start_step, training.epochs * steps)
    return numbers.map(window, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def validation_batches(data: TextData, training: TextTraining) -> tf.data.Dataset:
    """Returns the validation part as windows of a few streams, in order.

    Returns:
        (int32 [streams, window], the same one token later); less than a window at each stream's
        end is left out, since another shape would be compiled anew.
    """
    tokens = data.validation
    streams = max(1, min(VALIDATION_STREAMS, len(tokens) // (8 * training.window)))
    length = (len(tokens) - 1) // streams
    window = min(training.window, length)
    steps = length // window
    places = (
        np.arange(steps)[:, np.newaxis, np.newaxis] * window
        + np.arange(streams)[:, np.newaxis] * length
        + np.arange(window)
    )
    return tf.data.Dataset.from_tensor_slices((tokens[places], tokens[places + 1]))
