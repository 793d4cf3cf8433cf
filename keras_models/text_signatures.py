"""What a text generator serves: logits of a text, one step with its state outside, whole texts."""

from collections.abc import Mapping
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from keras_models import text_strings
from keras_models.data_spec import TextSpec
from keras_models.signature import Arrays, Codec, Signature, Tensor
from keras_models.text_generation import LONGEST, Wanted, generate, ties
from keras_models.text_network import Network

HOTTEST = 100.0
BEGINNING = "\n"
"""What an empty prompt is taken for: the model must read something before it can go on."""


def signatures(model: keras.Model, spec: TextSpec) -> list[Signature]:
    """Returns `serving_default` on texts, `step` on one token, `generate`, and `generate_text`."""
    network = Network.of(model)
    return [
        _whole_text(network, spec),
        _step(network, spec),
        _generate(network, spec),
        _generate_text(network, spec),
    ]


def _whole_text(network: Network, spec: TextSpec) -> Signature:
    return Signature(
        name="serving_default",
        summary="How likely is each next character, after every character of a text?",
        function=lambda tokens: {"logits": network(tokens, training=False)[0]},
        inputs=(_tokens("tokens", spec, shape=("batch", "time")),),
        outputs=(Tensor(name="logits", dtype="float32", shape=("batch", "time", spec.tokens)),),
    )


def _step(network: Network, spec: TextSpec) -> Signature:
    states = tuple(
        Tensor(name=name, dtype="float32", shape=("batch", size), minimum=least, maximum=most)
        for name, size, (least, most) in zip(
            network.state_names, network.state_sizes, network.state_ranges, strict=True
        )
    )
    after = tuple(
        Tensor(name=f"next_{tensor.name}", dtype="float32", shape=tensor.shape) for tensor in states
    )

    def step(token: tf.Tensor, **given: tf.Tensor) -> Mapping[str, tf.Tensor]:
        logits, last = network(
            token[:, tf.newaxis], [given[tensor.name] for tensor in states], training=False
        )
        return {"logits": logits[:, 0], **{t.name: s for t, s in zip(after, last, strict=True)}}

    def examples(texts: Arrays) -> Arrays:
        """Each sample's last token, with the states that the others leave."""
        tokens = texts["tokens"]
        _, before = network(tf.constant(tokens[:, :-1]), training=False)
        return {
            "token": tokens[:, -1],
            **{t.name: np.asarray(s) for t, s in zip(states, before, strict=True)},
        }

    return Signature(
        name="step",
        summary="The same after one more token, the state going in and out: for streaming.",
        function=step,
        inputs=(_tokens("token", spec, shape=("batch",)), *states),
        outputs=(Tensor(name="logits", dtype="float32", shape=("batch", spec.tokens)), *after),
        examples=examples,
    )


def _generate(network: Network, spec: TextSpec) -> Signature:
    def function(prompt: tf.Tensor, **settings: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return {"tokens": generate(network, prompt, Wanted(**settings))}

    def uncertain(inputs: Arrays, outputs: Arrays) -> Arrays:
        settings = dict(inputs)
        tied = ties(network, settings.pop("prompt"), outputs["tokens"], settings)
        return {"tokens": np.maximum.accumulate(tied, axis=1)}

    return Signature(
        name="generate",
        summary="Goes on with prompts; the same seed gives the same text everywhere.",
        function=function,
        inputs=(
            _tokens("prompt", spec, shape=("batch", "time"), least=text_strings.PADDING),
            *_settings(spec),
        ),
        outputs=(_tokens("tokens", spec, shape=("batch", "length")),),
        cases=lambda texts: _cases("prompt", _prompts(texts["tokens"])),
        ties=uncertain,
    )


def _generate_text(network: Network, spec: TextSpec) -> Signature:
    vocabulary = spec.vocabulary

    def function(prompt: tf.Tensor, **settings: tf.Tensor) -> Mapping[str, tf.Tensor]:
        begun = tf.where(tf.equal(prompt, ""), BEGINNING, prompt)
        tokens = generate(network, text_strings.encode(begun, vocabulary), Wanted(**settings))
        return {"text": text_strings.decode(tokens, vocabulary)}

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def generated(prompt: tf.Tensor, settings: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return generate(network, prompt, Wanted(**settings))

    def uncertain(inputs: Arrays, outputs: Arrays) -> Arrays:
        settings = dict(inputs)
        prompt = text_strings.encode(tf.constant(settings.pop("prompt")), vocabulary)
        numbers = {name: tf.constant(value) for name, value in settings.items()}
        tokens = generated(prompt, numbers).numpy()
        tied = ties(network, prompt.numpy(), tokens, settings)
        return {"text": np.asarray(tied.any(axis=1))}

    def cases(texts: Arrays) -> Mapping[str, Arrays]:
        tokens = text_strings.decode(tf.constant(texts["tokens"][:4, :32]), vocabulary).numpy()
        strings = np.array([*tokens, "Ω≈ç√ 👩‍💻 ".encode(), b"\n"], object)
        return _cases("prompt", {"1": strings[:1], str(len(strings)): strings})

    return Signature(
        name="generate_text",
        summary="The same on strings.",
        function=function,
        inputs=(Tensor(name="prompt", dtype="string", shape=("batch",)), *_settings(spec)),
        outputs=(Tensor(name="text", dtype="string", shape=("batch",)),),
        runtimes=("savedmodel",),
        cases=cases,
        ties=uncertain,
    )


def _tokens(name: str, spec: TextSpec, *, shape: tuple[str, ...], least: int = 0) -> Tensor:
    vocabulary = list(spec.vocabulary)
    return Tensor(
        name=name,
        dtype="int32",
        shape=shape,
        codec=Codec(name="characters", settings={"vocabulary": vocabulary, "empty": BEGINNING}),
        minimum=least,
        maximum=spec.tokens - 1,
    )


def _settings(spec: TextSpec) -> tuple[Tensor, ...]:
    scalar = partial(Tensor, shape=())
    return (
        scalar(name="length", dtype="int32", minimum=1, maximum=LONGEST),
        scalar(name="temperature", dtype="float32", minimum=0, maximum=HOTTEST),
        scalar(name="top_k", dtype="int32", minimum=0, maximum=spec.tokens),
        scalar(name="top_p", dtype="float32", minimum=0, maximum=1),
        scalar(name="seed", dtype="int64", minimum=0),
    )


def _prompts(tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Pieces of validation texts: one token, one piece, and a hundred of all lengths."""
    some = tokens[:100].copy()
    for row, piece in enumerate(some):
        piece[1 + row % len(piece) :] = text_strings.PADDING
    return {"one_token": tokens[:1, :1], "1": tokens[:1], str(len(some)): some}


def _cases(name: str, prompts: Mapping[str, np.ndarray]) -> dict[str, Arrays]:
    """Each prompt with plain sampling; the last also greedily, and with the tails cut off."""
    several = list(prompts.values())[-1][:8]
    return {
        **{
            f"real_{count}": {name: prompt, **_numbers(200, 0.8, seed=number)}
            for number, (count, prompt) in enumerate(prompts.items())
        },
        "real_greedy": {name: several, **_numbers(50, 0.0)},
        "real_cut": {name: several, **_numbers(50, 1.0, top_k=20, top_p=0.9, seed=2**40 + 1)},
    }


def _numbers(
    length: int, temperature: float, *, top_k: int = 0, top_p: float = 1.0, seed: int = 0
) -> dict[str, np.ndarray]:
    return {
        "length": np.array(length, np.int32),
        "temperature": np.array(temperature, np.float32),
        "top_k": np.array(top_k, np.int32),
        "top_p": np.array(top_p, np.float32),
        "seed": np.array(seed, np.int64),
    }
