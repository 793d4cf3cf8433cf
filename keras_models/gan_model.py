"""Training a generator against a discriminator: one step for both, from one batch of made images.

Algorithm 1 of Goodfellow et al. 2014, with both gradients taken at the same point. The
discriminator sees real and made images once. No image of a batch changes what it says of another
(it has no batch normalization), so the gradient of a logit by its image is that image's alone: it
is computed once, weighted by what the discriminator wants, and weighted anew by what the generator
wants. The penalty of steep gradients starts from the same pass.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_models.gan_augmentation import augment
from keras_models.gan_average import average
from keras_models.gan_losses import LOSSES, OFFSET_IS_FREE, class_slopes
from keras_models.gan_penalty import penalty_gradients
from keras_models.gan_rules import Rules
from keras_models.pixels import as_floats

SMALLEST_SLOPE = 1e-6
"""The least weight of a made image, so that the generator's own can be put in its place."""
TRAINING, AUGMENTING, VALIDATING = range(3)
"""Streams of random numbers of a step."""
FIGURES = (
    "discriminator_loss",
    "generator_loss",
    "probability_real",
    "probability_fake",
    "accuracy_real",
    "accuracy_fake",
)


@keras.saving.register_keras_serializable("keras_models")
class GAN(keras.Model):
    """(`latent` (, `label`), `image`) → made images in [-1, 1], logits of the given uint8 images.

    `fit` and `evaluate` take real images, uint8, with their labels.

    Attributes:
        generator, discriminator: the two networks.
        averaged: the generator with the running mean of its weights, which makes better images;
            the generator itself where no mean is kept.
    """

    @property
    def generator(self) -> keras.Model:
        """Makes images in [-1, 1] of a latent (and a label)."""
        return self.get_layer("generator")

    @property
    def discriminator(self) -> keras.Model:
        """Gives the logit of an image in [-1, 1] (and a label)."""
        return self.get_layer("discriminator")

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Both, the generator's first."""
        return [self.optimizer, self.discriminator_optimizer]

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer,
        rules: Rules | None = None,
        **settings: Any,
    ) -> None:
        """As Keras' own, with an optimizer for each network, and the rules of a step."""
        super().compile(optimizer=optimizer, **settings)
        self.rules = rules or Rules()
        self.random = keras.random.SeedGenerator(name="random")
        self.figures = [keras.metrics.Mean(name=name) for name in FIGURES]
        self.norms = [
            keras.metrics.Mean(name=f"{network}_gradient_norm")
            for network in ("discriminator", "generator")
        ]
        self._judge = _judging(self.discriminator, self.rules.class_weight > 0)
        self.averaged = self.generator
        if self.rules.average_decay:
            self.averaged = keras.models.clone_model(self.generator)
            self.averaged.set_weights(self.generator.get_weights())
            self.averaged.trainable = False
        if keras.config.dtype_policy().name == "mixed_float16":
            discriminator_optimizer = keras.optimizers.LossScaleOptimizer(discriminator_optimizer)
        self.discriminator_optimizer = discriminator_optimizer
        self.optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def get_compile_config(self) -> dict[str, Any]:
        """Returns what `compile` was told, so that a loaded model trains on."""
        keep = keras.saving.serialize_keras_object
        return {
            "optimizer": keep(self.optimizer),
            "discriminator_optimizer": keep(self.discriminator_optimizer),
            "rules": dataclasses.asdict(self.rules),
        }

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles as `get_compile_config` says."""
        made = keras.saving.deserialize_keras_object
        rules = made(config["rules"])
        self.compile(
            made(config["optimizer"]),
            made(config["discriminator_optimizer"]),
            Rules(**{**rules, "augmentations": tuple(rules["augmentations"])}),
        )

    def averages(self) -> dict[int, Any]:
        """Returns what to save in place of a weight, by the weight's `id`: its running mean."""
        pairs = zip(self.generator.weights, self.averaged.weights, strict=True)
        return {id(weight): mean for weight, mean in pairs}

    def train_step(self, data: Any) -> dict[str, Any]:
        """Improves both networks once."""
        images, labels = data
        step = self.optimizer.iterations
        (real, fake), by_judge, by_maker = self._gradients(images, labels, step)
        self.discriminator_optimizer.apply(by_judge, self.discriminator.trainable_variables)
        self.optimizer.apply(by_maker, self.generator.trainable_variables)
        tf.distribute.get_replica_context().merge_call(
            average, (self.averaged, self.generator, self.rules.average_decay, step)
        )
        for norm, gradients in zip(self.norms, (by_judge, by_maker), strict=True):
            norm.update_state(tf.linalg.global_norm(gradients))
        return self._noted(real, fake, self.figures + self.norms)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Says how the discriminator tells real images from as many of the averaged generator."""
        images, labels = data
        so_far = self.figures[0].count
        latent = self._latent(tf.shape(images)[0], self._seed(so_far, VALIDATING))
        fake = self.averaged(self._with(latent, labels), training=False)
        real = self.discriminator(self._with(as_floats(images), labels), training=False)
        made = self.discriminator(self._with(fake, labels), training=False)
        return self._noted(real, made, self.figures)

    def gradients(self, images: tf.Tensor, labels: tf.Tensor) -> list[tuple[Any, tf.Tensor]]:
        """Returns each trainable variable with the gradient of what its network wants."""
        _, by_judge, by_maker = self._gradients(images, labels, self.optimizer.iterations)
        networks = ((self.discriminator, by_judge), (self.generator, by_maker))
        return [
            pair
            for network, found in networks
            for pair in zip(network.trainable_variables, found, strict=True)
        ]

    def _gradients(
        self, images: tf.Tensor, labels: tf.Tensor, step: tf.Tensor
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
        """Returns the logits of real and of made images, and the gradients of both networks."""
        real = as_floats(images)
        latent = self._latent(tf.shape(real)[0], self._seed(step, TRAINING))
        with tf.GradientTape() as making:
            fake = self.generator(self._with(latent, labels), training=True)
        with (
            tf.GradientTape(persistent=True) as steepening,
            tf.GradientTape(persistent=True) as judging,
        ):
            judging.watch(fake)
            shown = augment(
                tf.concat([real, fake], 0), self.rules.augmentations, self._seed(step, AUGMENTING)
            )
            halves = tf.split(shown, 2)
            judging.watch(halves)
            judged = [self._judge(self._with(half, labels)) for half in halves]
        logits, scores = [one[0] for one in judged], [one[1:] for one in judged]
        judges, makers = self.discriminator.trainable_variables, self.generator.trainable_variables
        wanted, makers_weight = self._wanted(*logits)
        judges_slopes, makers_slopes = self._class_slopes(scores, labels)
        *by_judge, by_fake = judging.gradient(
            [*logits, *scores[0]],
            [*_values(judges), fake],
            output_gradients=[*wanted, *judges_slopes],
        )
        if self.rules.gradient_penalty:
            penalized = 2 if self.rules.penalize_fake else 1
            penalty = penalty_gradients(
                list(zip(logits, halves, strict=True))[:penalized],
                _values(judges),
                judging,
                steepening,
                lambda loss: self.discriminator_optimizer.scale_loss(
                    loss * self.rules.gradient_penalty * self.rules.penalty_every
                ),
                has_it=step % self.rules.penalty_every == 0,
            )
            by_judge = [one + more for one, more in zip(by_judge, penalty, strict=True)]
        if self.rules.loss in OFFSET_IS_FREE:
            by_judge = self._calibrating(by_judge, judges, *logits)
        by_fake *= tf.reshape(makers_weight, [-1, 1, 1, 1])
        if makers_slopes:
            by_fake += judging.gradient(scores[1], fake, output_gradients=makers_slopes)
        by_maker = making.gradient(fake, _values(makers), output_gradients=by_fake)
        return logits, by_judge, by_maker

    def _wanted(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Returns the discriminator's loss by each logit, of real and of made images, and by what
        to multiply the latter to get the generator's.
        """
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([real, fake])
            by_judge, by_maker = (tf.reduce_mean(one) for one in self._wants(real, fake))
        of_real, of_fake = tape.gradient(by_judge, [real, fake])
        count = tf.cast(tf.shape(of_fake)[0], tf.float32)
        of_fake = tf.maximum(of_fake, SMALLEST_SLOPE / count)
        scale = self.discriminator_optimizer.scale_loss(tf.ones([]))
        weight = self.optimizer.scale_loss(tape.gradient(by_maker, fake)) / (of_fake * scale)
        return [of_real * scale, of_fake * scale], weight

    def _class_slopes(
        self, scores: Sequence[Sequence[tf.Tensor]], labels: tf.Tensor
    ) -> list[list[tf.Tensor]]:
        """Returns by how much each network's cross-entropy of the class grows with each score.

        The discriminator's is that of real images, the generator's that of made ones.
        """
        optimizers = (self.discriminator_optimizer, self.optimizer)
        return [
            [
                tf.cast(
                    optimizer.scale_loss(class_slopes(one, labels) * self.rules.class_weight),
                    one.dtype,
                )
                for one in half
            ]
            for half, optimizer in zip(scores, optimizers, strict=True)
        ]

    def _wants(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return LOSSES[self.rules.loss](real, fake)

    def _calibrating(
        self,
        gradients: Sequence[tf.Tensor],
        variables: Sequence[Any],
        real: tf.Tensor,
        fake: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Has the last offset follow cross-entropy, where the loss itself does not care about it.

        The sigmoid of a logit is then a probability.
        """
        offset = self.discriminator.get_layer("logit").bias
        slope = tf.reduce_mean(tf.sigmoid(fake)) - tf.reduce_mean(tf.sigmoid(-real))
        slope = self.discriminator_optimizer.scale_loss(slope)
        pairs = zip(variables, gradients, strict=True)
        return [slope if variable is offset else gradient for variable, gradient in pairs]

    def _noted(
        self, real: tf.Tensor, fake: tf.Tensor, metrics: Sequence[keras.metrics.Metric]
    ) -> dict[str, Any]:
        losses = self._wants(real, fake)
        true, false = tf.sigmoid(real), tf.sigmoid(fake)
        seen = (*losses, true, false, true > 0.5, false <= 0.5)
        for metric, value in zip(self.figures, seen, strict=True):
            metric.update_state(tf.cast(value, tf.float32))
        return {metric.name: metric.result() for metric in metrics}

    def _with(self, first: tf.Tensor, labels: tf.Tensor) -> Any:
        """What a network is called with: a label only where it takes one."""
        is_conditional = len(self.generator.inputs) > 1
        return [first, tf.cast(labels, tf.int32)] if is_conditional else first

    def _latent(self, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        length = self.generator.inputs[0].shape[-1]
        return tf.random.stateless_normal([count, length], seed)

    def _seed(self, step: Any, stream: int) -> tf.Tensor:
        """int64 [2]: another one for each step, stream and replica, so that nothing is carried."""
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int64)
        own = tf.cast(self.random.state.value[0], tf.int64)
        return tf.stack([own + 7919 * replica, 4 * tf.cast(step, tf.int64) + stream])


def _judging(discriminator: keras.Model, by_class: bool) -> Callable[[Any], list[tf.Tensor]]:
    """The discriminator while it learns: logits, and its scores for the classes where asked."""
    outputs = [discriminator.output]
    if by_class and len(discriminator.inputs) > 1:
        outputs.append(discriminator.get_layer("class_realness").output)
    both = keras.Model(discriminator.inputs, outputs)
    return lambda inputs: tf.nest.flatten(both(inputs, training=True))


def _values(variables: Sequence[Any]) -> list[tf.Tensor]:
    return [variable.value for variable in variables]
