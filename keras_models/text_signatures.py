"""What a text generator serves: logits of a text, and one step with its state outside."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from keras_models.data_spec import TextSpec
from keras_models.signature import Codec, Signature, Tensor
from keras_models.text_network import Network


def signatures(model: keras.Model, spec: TextSpec) -> list[Signature]:
    """Returns `serving_default` on whole texts and `step` on one token."""
    network = Network.of(model)
    text = Codec(name="characters", settings={"vocabulary": list(spec.vocabulary)})
    states = tuple(
        Tensor(name=f"state_{number}", dtype="float32", shape=("batch", size))
        for number, size in enumerate(network.state_sizes, start=1)
    )
    after = tuple(
        Tensor(name=f"next_{tensor.name}", dtype="float32", shape=tensor.shape) for tensor in states
    )

    def read(tokens: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return {"logits": network(tokens, training=False)[0]}

    def step(token: tf.Tensor, **given: tf.Tensor) -> Mapping[str, tf.Tensor]:
        logits, last = network(
            token[:, tf.newaxis], [given[tensor.name] for tensor in states], training=False
        )
        return {"logits": logits[:, 0], **{t.name: s for t, s in zip(after, last, strict=True)}}

    def step_examples(examples: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Each sample's last token, with the states that the others leave."""
        tokens = examples["tokens"]
        _, before = network(tf.constant(tokens[:, :-1]), training=False)
        return {
            "token": tokens[:, -1],
            **{t.name: np.asarray(s) for t, s in zip(states, before, strict=True)},
        }

    return [
        Signature(
            name="serving_default",
            summary="How likely is each next character, after every character of a text?",
            function=read,
            inputs=(Tensor(name="tokens", dtype="int32", shape=("batch", "time"), codec=text),),
            outputs=(Tensor(name="logits", dtype="float32", shape=("batch", "time", spec.tokens)),),
        ),
        Signature(
            name="step",
            summary="The same after one more token, the state going in and out: for streaming.",
            function=step,
            inputs=(Tensor(name="token", dtype="int32", shape=("batch",)), *states),
            outputs=(Tensor(name="logits", dtype="float32", shape=("batch", spec.tokens)), *after),
            examples=step_examples,
        ),
    ]
