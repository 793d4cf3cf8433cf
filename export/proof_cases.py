"""Which inputs prove something: real samples at several batch sizes and lengths, and extremes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from export.reasons import REFUSALS, reason
from export.source import Source
from keras_models.errors import BadInput
from keras_models.signature import Signature, Tensor
from serving.bundle import LeftOut
from serving.golden import Case

BATCHES = (1, 3, 32)
LENGTHS = (1, 5)
"""Of free dimensions other than the batch, beside the length that the examples have."""
LARGEST_FLOAT = 1000.0
EXTREMES = ("largest", "smallest", "checkerboard", "ragged", "holes")
"""Invented cases that may be so far from what a model knows that it answers with noise."""
LAST_BIT = 2.0**-22
MOST_STORED = 128
"""Real samples of one case in the golden file; the export's own proof runs all there are."""
ALL = "real_all"

Inputs = dict[str, np.ndarray]


def all_cases(source: Source) -> list[Case]:
    """Returns every case of every signature with what Keras computes for it."""
    return gather(source)[0]


def gather(source: Source) -> tuple[list[Case], list[LeftOut]]:
    """Returns every case with what Keras computes for it, and those that it cannot answer for.

    Keras' answer is that of `predict`, which is traced: eagerly, some layers round otherwise.

    Raises:
        BadInput: Keras does not compute the examples.
    """
    relaxed = not _needs_fixed_times(source.model)
    found = [
        one if isinstance(one, LeftOut) else _computed(signature, function, *one)
        for signature in source.signatures
        for function in [tf.function(signature.function, reduce_retracing=relaxed)]
        for one in _inputs(signature, source.examples)
    ]
    return (
        [one for one in found if isinstance(one, Case)],
        [one for one in found if isinstance(one, LeftOut)],
    )


def _needs_fixed_times(model: keras.Model | None) -> bool:
    """Of a time that was free when it was traced, Keras 3.15's TimeDistributed answers wrongly."""
    return model is not None and any(
        isinstance(layer, keras.layers.TimeDistributed) for layer in model._flatten_layers()
    )


def stored_cases(cases: Sequence[Case]) -> list[Case]:
    """Returns those that travel in the bundle: all but the case of every sample there is."""
    return [case for case in cases if case.name != ALL]


def _computed(
    signature: Signature,
    function: Callable[..., Mapping[str, Any]],
    name: str,
    inputs: Mapping[str, np.ndarray],
) -> Case | LeftOut:
    """A case, unless Keras itself refuses what was invented: ids out of a vocabulary, say.

    Or answers with noise: a spectrum of what is constant, or a recurrence that explodes.

    Raises:
        BadInput: it refuses the examples.
    """
    try:
        answers = function(**{key: tf.constant(value) for key, value in inputs.items()})
    except REFUSALS as error:
        if not name.startswith("real"):
            return _refused(signature, name)
        shapes = ", ".join(f"{key} {list(value.shape)}" for key, value in inputs.items())
        raise BadInput(
            f"{signature.name}: Keras itself does not compute the examples ({shapes}): "
            f"{reason(error)}; inputs of its own kind can be given with --examples"
        ) from error
    outputs = {tensor.name: np.asarray(answers[tensor.name]) for tensor in signature.outputs}
    if name in EXTREMES:
        moving = _moving(signature, function, inputs, outputs)
        if moving:
            return LeftOut(
                signature=signature.name,
                case=name,
                reason=f"Keras' own {', '.join(moving)} moves by more than "
                f"{signature.tolerance / 4:g} of its size when the last bits of the input change",
            )
    return Case(
        signature=signature.name,
        name=name,
        inputs={key: _storable(value) for key, value in inputs.items()},
        outputs={key: _storable(value) for key, value in outputs.items()},
        ties=signature.ties(inputs, outputs) if signature.ties else {},
    )


def _refused(signature: Signature, case: str) -> LeftOut:
    """Without Keras' words: which of several wrong ids it names differs from run to run."""
    return LeftOut(signature=signature.name, case=case, reason="Keras itself refuses it")


def _moving(
    signature: Signature,
    function: Callable[..., Mapping[str, Any]],
    inputs: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
) -> list[str]:
    """Names the outputs that are others if the last bits of what Keras is given change."""
    random = np.random.default_rng(0)
    moved = {
        name: value * (1 + LAST_BIT * random.choice([-1, 1], value.shape)).astype(value.dtype)
        if value.dtype == np.float32
        else value
        for name, value in inputs.items()
    }
    answers = function(**{name: tf.constant(value) for name, value in moved.items()})
    moving = []
    for name, value in outputs.items():
        if value.dtype.kind != "f":
            continue
        again = np.asarray(answers[name])
        finite = np.isfinite(value) & np.isfinite(again)
        size = np.abs(value[finite]).max(initial=0.0)
        moves = np.abs(np.float64(again[finite]) - value[finite]).max(initial=0.0)
        if moves > signature.tolerance / 4 * size:
            moving.append(name)
    return moving


def _storable(value: np.ndarray) -> np.ndarray:
    """Byte strings as TensorFlow gives them are objects; .npz keeps plain types only."""
    if value.dtype.kind != "O":
        return value
    return np.asarray([hex_of(one) for one in value.ravel()]).reshape(value.shape)


def hex_of(content: bytes) -> str:
    """Writes bytes as text that survives .npz: NumPy drops trailing zeros of byte strings."""
    return content.hex()


def _inputs(
    signature: Signature, examples: Mapping[str, np.ndarray]
) -> Iterable[tuple[str, Inputs] | LeftOut]:
    if signature.cases is not None:
        for name, inputs in signature.cases(examples).items():
            yield name, dict(inputs)
        return
    if signature.examples is not None:
        examples = signature.examples(examples)
    examples = {tensor.name: examples[tensor.name] for tensor in signature.inputs}
    few = dict(examples)
    if all(tensor.shape[:1] == ("batch",) for tensor in signature.inputs):
        count = len(next(iter(examples.values())))
        for size in sorted({*(size for size in BATCHES if size <= count), min(count, MOST_STORED)}):
            yield f"real_{size}", {name: value[:size] for name, value in examples.items()}
        few = {name: value[:3] for name, value in examples.items()}
    yield ALL, dict(examples)
    yield from _lengths(signature, few)
    yield "zeros", {name: _zeros(value) for name, value in few.items()}
    ranges = {tensor.name: _range(tensor, few[tensor.name]) for tensor in signature.inputs}
    yield "largest", {n: np.full_like(value, ranges[n][1]) for n, value in few.items()}
    yield "smallest", {n: np.full_like(value, ranges[n][0]) for n, value in few.items()}
    yield "checkerboard", {n: _checkerboard(value, ranges[n]) for n, value in few.items()}
    random = np.random.default_rng(0)
    drawn = {
        "ragged": {n: _ragged(value) for n, value in few.items()},
        "holes": {n: _with_holes(random, value) for n, value in few.items()},
        "noise": {n: _noise(random, value) for n, value in few.items()},
    }
    for name, inputs in drawn.items():
        yield (
            name,
            {n: _clipped(value, ranges[n]) for n, value in inputs.items()},
        )


def _lengths(signature: Signature, few: Inputs) -> Iterable[tuple[str, Inputs] | LeftOut]:
    """Other lengths of the free dimensions, where Keras itself can do with them; else halves."""
    free = {d for t in signature.inputs for d in t.shape if isinstance(d, str)} - {"batch"}
    can_do = False
    for length in (*LENGTHS, None) if free else ():
        if length is None and can_do:
            return
        name = f"length_{length}" if length else "halves"
        inputs = dict(few)
        for tensor in signature.inputs:
            size = few[tensor.name].shape
            cut = tuple(
                slice((n // 2 if length is None else length) if d in free else None)
                for n, d in zip(size, tensor.shape, strict=True)
            )
            inputs[tensor.name] = few[tensor.name][cut]
        try:
            signature.function(**{key: tf.constant(value) for key, value in inputs.items()})
        except REFUSALS:  # shorter than a kernel, for one
            yield _refused(signature, name)
        else:
            can_do = True
            yield name, inputs


def _zeros(value: np.ndarray) -> np.ndarray:
    """Zeros, or empty strings."""
    return np.full_like(value, b"" if value.dtype.kind == "O" else 0)


def _clipped(value: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    return value if value.dtype.kind == "O" else np.clip(value, *limits).astype(value.dtype)


def _range(tensor: Tensor, value: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest that may come: of undeclared indices, what the data hold.

    Strings are smaller or larger by their bytes.
    """
    if value.dtype == np.uint8:
        least, most = 0.0, 255.0
    elif value.dtype.kind == "f":
        least, most = -LARGEST_FLOAT, LARGEST_FLOAT
    else:
        least, most = value.min(), value.max()
    return (
        least if tensor.minimum is None else tensor.minimum,
        most if tensor.maximum is None else tensor.maximum,
    )


def _checkerboard(value: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """The steepest edges that there can be: smallest beside largest along every axis."""
    odd = np.indices(value.shape).sum(axis=0) % 2
    least, most = (np.full_like(value, limit) for limit in limits)
    return np.where(odd, most, least)


def _ragged(value: np.ndarray) -> np.ndarray:
    """Zeros from somewhere on, for each sample elsewhere: how sequences are padded and masked."""
    if value.ndim < 2 or value.dtype.kind not in "biuf":
        return value
    lengths = 1 + np.arange(len(value)) * value.shape[1] // max(len(value), 1)
    keeps = np.arange(value.shape[1]) < lengths[:, np.newaxis]
    return np.where(keeps.reshape(*keeps.shape, *[1] * (value.ndim - 2)), value, 0).astype(
        value.dtype
    )


def _with_holes(random: np.random.Generator, value: np.ndarray) -> np.ndarray:
    """Zeros at some steps between others."""
    if value.ndim < 2 or value.dtype.kind not in "biuf":
        return value
    keeps = random.random(value.shape[:2]) < 0.6
    return np.where(keeps.reshape(*keeps.shape, *[1] * (value.ndim - 2)), value, 0).astype(
        value.dtype
    )


def _noise(random: np.random.Generator, value: np.ndarray) -> np.ndarray:
    if value.dtype == np.uint8:
        return random.integers(0, 256, value.shape).astype(np.uint8)
    if value.dtype.kind == "f":
        return random.standard_normal(value.shape).astype(value.dtype)
    return random.permuted(value.ravel()).reshape(value.shape)
