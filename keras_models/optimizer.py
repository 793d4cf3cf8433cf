"""The optimizer and the learning-rate schedule that a `Training` describes."""

from typing import Any

import keras
import tensorflow as tf

from keras_models.training import Training

LAST_SHARE = 0.01
"""Where the falling schedules end, as a share of the peak."""


@keras.saving.register_keras_serializable(package="keras_models")
class WarmUpThenDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from zero to `peak`, then falls to a hundredth of it, or stays."""

    def __init__(self, peak: float, steps: int, warmup_steps: int, shape: str) -> None:
        """Sets the peak, the steps of the whole run and of its rise, and the shape of the fall."""
        self.peak, self.steps, self.warmup_steps, self.shape = peak, steps, warmup_steps, shape

    def __call__(self, step: int | keras.KerasTensor) -> keras.KerasTensor:
        """Returns the learning rate of one step, counted from zero."""
        ops = keras.ops
        step = ops.cast(step, "float32")
        rise = (step + 1.0) / max(self.warmup_steps, 1)
        fall = max(self.steps - self.warmup_steps, 1)
        progress = ops.clip((step - self.warmup_steps) / fall, 0.0, 1.0)
        if self.shape == "cosine":
            share = 0.5 * (1.0 + ops.cos(3.141592653589793 * progress))
        elif self.shape == "linear":
            share = 1.0 - progress
        else:
            return self.peak * ops.minimum(rise, 1.0)
        return self.peak * ops.minimum(rise, LAST_SHARE + (1.0 - LAST_SHARE) * share)

    def get_config(self) -> dict:
        """Returns the arguments of the constructor."""
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup_steps": self.warmup_steps,
            "shape": self.shape,
        }


@keras.saving.register_keras_serializable(package="keras_models")
class AdamW(keras.optimizers.AdamW):
    """Keras' own, which passes over memory once for a weight where that does it a dozen times."""

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: Any) -> None:
        """Moves one weight, as Kingma and Ba 2015 (arXiv 1412.6980), section 2, have it."""
        if isinstance(gradient, tf.IndexedSlices):  # of an embedding's few rows
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


def optimizer(training: Training, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Builds the optimizer for a run of `steps_per_epoch` steps an epoch.

    Weight decay leaves biases and normalization alone: there it costs accuracy and gains nothing.
    """
    schedule = WarmUpThenDecay(
        training.learning_rate,
        training.epochs * steps_per_epoch,
        round(training.warmup_epochs * steps_per_epoch),
        training.schedule,
    )
    shared = {
        "weight_decay": training.weight_decay,
        "global_clipnorm": training.clip_norm or None,
        "use_ema": training.average_decay > 0,
        "ema_momentum": training.average_decay or 0.99,
    }
    if training.optimizer == "sgd":
        built = keras.optimizers.SGD(
            schedule, momentum=training.momentum, nesterov=training.momentum > 0, **shared
        )
    else:
        built = AdamW(schedule, beta_1=training.beta_1, beta_2=training.beta_2, **shared)
    if training.weight_decay:
        built.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return built
