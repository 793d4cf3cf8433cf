"""Which inputs prove something: real samples at several batch sizes, zeros, extremes, noise."""

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from export.source import Source
from keras_models.signature import Signature
from serving.golden import Case

BATCHES = (1, 3, 32)
NOISE_SAMPLES = 8
MOST_SAMPLES = 128
"""Real samples in the golden file; the export's own proof runs all there are."""


def golden_cases(source: Source) -> list[Case]:
    """Returns every case of every signature with what Keras computes for it, eagerly."""
    return [
        _computed(signature, name, inputs)
        for signature in source.signatures
        for name, inputs in _inputs(signature, source.examples)
    ]


def _computed(signature: Signature, name: str, inputs: Mapping[str, np.ndarray]) -> Case:
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    answers = signature.function(**tensors)
    outputs = {tensor.name: np.asarray(answers[tensor.name]) for tensor in signature.outputs}
    return Case(
        signature=signature.name,
        name=name,
        inputs={key: _storable(value) for key, value in inputs.items()},
        outputs={key: _storable(value) for key, value in outputs.items()},
    )


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
) -> Iterable[tuple[str, dict[str, np.ndarray]]]:
    if [tensor.dtype for tensor in signature.inputs] == ["string"]:
        yield from _file_cases(signature, examples)
        return
    count = len(next(iter(examples.values())))
    sizes = sorted({*(size for size in BATCHES if size <= count), min(count, MOST_SAMPLES)})
    for size in sizes:
        yield f"real_{size}", {name: value[:size] for name, value in examples.items()}
    first = {name: value[:3] for name, value in examples.items()}
    yield "zeros", {name: np.zeros_like(value) for name, value in first.items()}
    yield "largest", {name: _extreme(value, +1) for name, value in first.items()}
    yield "smallest", {name: _extreme(value, -1) for name, value in first.items()}
    random = np.random.default_rng(0)
    noise = {n: _noise(random, v[:1].repeat(NOISE_SAMPLES, axis=0)) for n, v in examples.items()}
    yield "noise", noise


def _extreme(value: np.ndarray, sign: int) -> np.ndarray:
    """Of whole numbers the largest or smallest that the data hold; of others a thousand."""
    if value.dtype == np.uint8:
        return np.full_like(value, 255 if sign > 0 else 1)
    if value.dtype.kind == "f":
        return np.full_like(value, sign * 1000.0)
    return np.full_like(value, value.max() if sign > 0 else value.min())


def _noise(random: np.random.Generator, value: np.ndarray) -> np.ndarray:
    if value.dtype == np.uint8:
        return random.integers(0, 256, value.shape).astype(np.uint8)
    if value.dtype.kind == "f":
        return random.standard_normal(value.shape).astype(value.dtype)
    return np.asarray(random.permuted(value, axis=0))


def _file_cases(
    signature: Signature, examples: Mapping[str, np.ndarray]
) -> Iterable[tuple[str, dict[str, np.ndarray]]]:
    """PNG files of the real images, and JPEG files of another size."""
    images = next(iter(examples.values()))
    name = signature.inputs[0].name
    for size in (1, 3, min(32, len(images))):
        encoded = [tf.io.encode_png(image).numpy() for image in images[:size]]
        yield f"real_png_{size}", {name: np.array(encoded, object)}
    larger = [np.repeat(np.repeat(image, 2, axis=0), 3, axis=1) for image in images[:3]]
    encoded = [tf.io.encode_jpeg(image).numpy() for image in larger]
    yield "jpeg_3", {name: np.array(encoded, object)}
