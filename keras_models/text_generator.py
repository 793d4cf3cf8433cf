"""Training a text network with its state carried from window to window.

Truncated back-propagation through time: the state goes on where the window before it ended, its
gradient does not (Williams and Peng 1990; Mikolov et al. 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from keras_models.text_network import Network


@keras.saving.register_keras_serializable("keras_models")
class CarriedState(keras.layers.Layer):
    """The states of a network between two windows; a layer, so that checkpoints hold them."""

    def __init__(self, batch: int, sizes: Sequence[int], **settings: Any) -> None:
        """Makes states of zeros, [batch, size] each."""
        super().__init__(**{"autocast": False, **settings})
        self.batch, self.sizes = batch, list(sizes)
        self.states = [
            self.add_weight(
                shape=(batch, size), initializer="zeros", dtype="float32", trainable=False
            )
            for size in sizes
        ]
        self.built = True

    def tensors(self) -> list[tf.Tensor]:
        """Returns the states as they are."""
        return [tf.convert_to_tensor(state) for state in self.states]

    def assign(self, states: Sequence[tf.Tensor]) -> None:
        """Keeps other ones."""
        for state, value in zip(self.states, states, strict=True):
            state.assign(tf.cast(value, state.dtype))


@dataclass(frozen=True)
class Evaluation:
    """The states of an evaluation, which no checkpoint holds: each evaluation begins anew."""

    state: CarriedState


@keras.saving.register_keras_serializable("keras_models")
class TextGenerator(keras.Model):
    """tokens int32 [batch, time] → logits; `fit` and `evaluate` carry the state along the text.

    Each epoch of `fit` and each `evaluate` begins from zeros.
    """

    def carry(self, *, batch_size: int, steps_per_epoch: int) -> None:
        """Prepares to be trained; a saved model has no use for it."""
        self.network, self.steps_per_epoch = Network.of(self), steps_per_epoch
        self.carried = CarriedState(batch_size, self.network.state_sizes, name="carried")
        self.evaluation: Evaluation | None = None

    def train_step(self, data: Any) -> dict[str, Any]:
        """One window forward and back."""
        tokens, following = data
        is_first = self.optimizer.iterations % self.steps_per_epoch == 0
        before = [tf.where(is_first, tf.zeros_like(one), one) for one in self.carried.tensors()]
        with tf.GradientTape() as tape:
            logits, after = self.network(tokens, before, training=True)
            loss = self.compute_loss(y=following, y_pred=logits)
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, [variable.value for variable in variables])
        self.optimizer.apply(gradients, variables)
        return self._noted(self.carried, after, following, logits, loss)

    def evaluate(self, x: Any = None, *others: Any, **settings: Any) -> Any:
        """As Keras' own, on the windows of a text that is read from its beginning."""
        batch = x.element_spec[0].shape[0]
        if self.evaluation is None or self.evaluation.state.batch != batch:
            self.evaluation = Evaluation(CarriedState(batch, self.network.state_sizes))
            self.test_function = None
        self.evaluation.state.assign(self.network.zeros(batch))
        return super().evaluate(x, *others, **settings)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One window."""
        tokens, following = data
        if self.evaluation is None:
            raise RuntimeError("`evaluate` prepares the state that a window begins with")
        state = self.evaluation.state
        logits, after = self.network(tokens, state.tensors(), training=False)
        loss = self.compute_loss(y=following, y_pred=logits, training=False)
        return self._noted(state, after, following, logits, loss)

    def _noted(
        self,
        state: CarriedState,
        after: Sequence[tf.Tensor],
        following: tf.Tensor,
        logits: tf.Tensor,
        loss: tf.Tensor,
    ) -> dict[str, Any]:
        state.assign(after)
        self._loss_tracker.update_state(loss, sample_weight=tf.size(following))
        result: dict[str, Any] = self.compute_metrics(None, following, logits)
        return result
