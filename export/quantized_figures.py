"""What a quantized graph is held to: the figure of the task, measured on the run's own examples."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from export.source import Source
from keras_models import characters
from keras_models.signature import Shape, Signature

TOGETHER = 64
"""Examples in one call."""

Arrays = Mapping[str, np.ndarray]
Run = Callable[[Arrays], Mapping[str, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number that says how good a graph is.

    Attributes:
        name: for people.
        of: told what runs a graph, returns its figure.
        less_is_better: as of errors and bits.
    """

    name: str
    of: Callable[[Run], float]
    less_is_better: bool = False


def figure_for(signature: Signature, source: Source) -> Figure:
    """Returns what is measured of a signature, by what it takes and gives."""
    inputs = signature.examples(source.examples) if signature.examples else source.examples
    first = signature.inputs[0]
    if source.answers is not None and first.codec and first.codec.name == "characters":
        following, tokens = source.answers, next(iter(source.examples.values()))
        logits = _of_steps if first.shape == ("batch",) else _of_texts
        return Figure(
            name="bits per character",
            of=lambda run: _bits(logits(run, signature, tokens, following), following),
            less_is_better=True,
        )
    label = next((t for t in signature.outputs if t.codec and t.codec.name == "class"), None)
    if source.answers is not None and label is not None and label.dtype.startswith("int"):
        right = source.answers
        return Figure(
            name="accuracy",
            of=lambda run: float(np.mean(_all(run, inputs)[label.name] == right)),
        )
    expected = {name: np.asarray(v) for name, v in signature.function(**inputs).items()}
    return Figure(name="agreement", of=lambda run: _agreement(expected, _all(run, inputs)))


def _all(run: Run, inputs: Arrays) -> dict[str, np.ndarray]:
    count = len(next(iter(inputs.values())))
    parts = [
        run({name: value[start : start + TOGETHER] for name, value in inputs.items()})
        for start in range(0, count, TOGETHER)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _agreement(expected: Arrays, actual: Arrays) -> float:
    """Share of the answers' variance that stays, of integers the share that is equal; the least."""
    shares = []
    for name, value in expected.items():
        if value.dtype.kind != "f" and value.dtype != np.uint8:
            shares.append(float(np.mean(value == actual[name])))
            continue
        spread = float(np.var(np.float64(value)))
        error = np.mean((np.float64(value) - np.float64(actual[name])) ** 2)
        shares.append(float(1 - error / spread) if spread else float(error == 0))
    return min(shares)


def _bits(nats: float, following: np.ndarray) -> float:
    return nats / math.log(2) / max(1, characters.count(following))


def _nats(logits: np.ndarray, following: np.ndarray) -> float:
    """Sum of the cross-entropies: what is right has its own logit, less the log of the sum."""
    logits = np.asarray(logits, np.float64)
    highest = logits.max(axis=-1, keepdims=True)
    total = np.log(np.exp(logits - highest).sum(axis=-1)) + highest[..., 0]
    own = np.take_along_axis(logits, following[..., np.newaxis].astype(np.int64), axis=-1)
    return float(np.sum(total - own[..., 0]))


def _of_texts(run: Run, signature: Signature, tokens: np.ndarray, following: np.ndarray) -> float:
    name = signature.inputs[0].name
    output = signature.outputs[0].name
    return _nats(_all(run, {name: tokens})[output], following)


def _of_steps(run: Run, signature: Signature, tokens: np.ndarray, following: np.ndarray) -> float:
    """Token after token, with the state that the one before left."""
    token, *states = signature.inputs
    kept = {t.name: np.zeros((len(tokens), *_fixed(t.shape)), t.dtype) for t in states}
    total = 0.0
    for place in range(tokens.shape[1]):
        answer = run({token.name: tokens[:, place], **kept})
        total += _nats(answer[signature.outputs[0].name], following[:, place])
        kept = {t.name: _within(answer[f"next_{t.name}"], t.minimum, t.maximum) for t in states}
    return total


def _fixed(shape: Shape) -> list[int]:
    return [length for length in shape if isinstance(length, int)]


def _within(state: np.ndarray, least: float | None, most: float | None) -> np.ndarray:
    """A state that rounding has put past its limit by its last bits is that limit."""
    return state if least is None and most is None else np.clip(state, least, most)
