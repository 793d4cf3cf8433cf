"""What every image classifier has in common, whatever its network: its figures, what it serves.

The network gives logits. Cross-entropy from logits is exact where a softmax underflows, so the
softmax is only part of what is served.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_models.data_spec import ImageSpec
from keras_models.family import Examples
from keras_models.image_bytes import decode_image_bytes
from keras_models.signature import Arrays, Codec, Signature, Tensor

FILES = (1, 3, 32)
"""How many image files the cases of `classify_image_bytes` hold."""
FILE_TOLERANCE = 1e-2
"""Of answers to files that must be resized: two resizers agree within 1 of 255 in every pixel."""
FEATURE = "image_bytes"
"""Of the `tf.train.Example`s that `classify` reads: one PNG or JPEG file."""


def classified(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns float [images, classes], the probabilities that a model of logits gives."""
    batches = [images[start : start + 128] for start in range(0, len(images), 128)]
    logits = np.concatenate([np.asarray(model(batch, training=False)) for batch in batches])
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def measure(model: keras.Model, examples: Examples[ImageSpec]) -> dict[str, float]:
    """Returns the `accuracy` (share of right classes) and the `loss` (nats per image)."""
    probabilities = classified(model, examples.inputs["image"])
    right = probabilities[np.arange(len(examples.answers)), examples.answers]
    return {
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == examples.answers)),
        "loss": float(-np.mean(np.log(np.maximum(right, 1e-30)))),
    }


def signatures(model: keras.Model, spec: ImageSpec) -> list[Signature]:
    """Returns what a classifier serves: on pixels, and in the SavedModel on PNG and JPEG bytes."""
    classes = list(spec.classes)
    probabilities = Tensor(
        name="probabilities",
        dtype="float32",
        shape=("batch", len(classes)),
        codec=Codec(name="probabilities", settings={"classes": classes}),
    )

    def classify(image: tf.Tensor) -> Mapping[str, tf.Tensor]:
        logits = model(image, training=False)
        return {"probabilities": tf.nn.softmax(logits), "label": tf.argmax(logits, axis=-1)}

    def classify_files(image_bytes: tf.Tensor) -> Mapping[str, tf.Tensor]:
        decoded = tf.map_fn(
            lambda contents: decode_image_bytes(contents, spec.height, spec.width, spec.channels),
            image_bytes,
            fn_output_signature=tf.uint8,
        )
        return classify(decoded)

    def classify_image_bytes(image_bytes: tf.Tensor) -> Mapping[str, tf.Tensor]:
        answer = classify_files(image_bytes)
        return {
            "class": tf.gather(tf.constant(classes), answer["label"]),
            "probabilities": answer["probabilities"],
        }

    def classify_examples(inputs: tf.Tensor) -> Mapping[str, tf.Tensor]:
        features = {FEATURE: tf.io.FixedLenFeature([], tf.string)}
        answer = classify_files(tf.io.parse_example(inputs, features)[FEATURE])
        scores = answer["probabilities"]
        return {
            "classes": tf.broadcast_to(tf.constant(classes), tf.shape(scores)),
            "scores": scores,
        }

    return [
        Signature(
            name="serving_default",
            summary="Which class is in the picture?",
            function=classify,
            inputs=(_image(spec),),
            outputs=(
                probabilities,
                Tensor(
                    name="label",
                    dtype="int64",
                    shape=("batch",),
                    codec=Codec(name="class", settings={"classes": classes}),
                ),
            ),
        ),
        Signature(
            name="classify_image_bytes",
            summary="The same on the bytes of PNG and JPEG files of any size.",
            function=classify_image_bytes,
            inputs=(Tensor(name="image_bytes", dtype="string", shape=("batch",)),),
            outputs=(Tensor(name="class", dtype="string", shape=("batch",)), probabilities),
            runtimes=("savedmodel",),
            cases=_file_cases,
            tolerance=FILE_TOLERANCE,
        ),
        Signature(
            name="classify",
            summary="The same on `tf.train.Example`s, for TF Serving's Classify: every class.",
            function=classify_examples,
            inputs=(
                Tensor(
                    name="inputs", dtype="string", shape=("batch",), codec=Codec(name="example")
                ),
            ),
            outputs=(
                Tensor(name="classes", dtype="string", shape=("batch", len(classes))),
                Tensor(name="scores", dtype="float32", shape=("batch", len(classes))),
            ),
            runtimes=("savedmodel",),
            cases=_example_cases,
            tolerance=FILE_TOLERANCE,
        ),
    ]


def _file_cases(examples: Arrays) -> Mapping[str, Arrays]:
    """PNG files of real images, and JPEG files of another size."""
    images = examples["image"]
    larger = [np.repeat(np.repeat(image, 2, axis=0), 3, axis=1) for image in images[:3]]
    files = {
        **{
            f"real_png_{size}": [tf.io.encode_png(image).numpy() for image in images[:size]]
            for size in sorted({min(size, len(images)) for size in FILES})
        },
        "jpeg_3": [tf.io.encode_jpeg(image).numpy() for image in larger],
    }
    return {name: {"image_bytes": np.array(some, object)} for name, some in files.items()}


def _example_cases(examples: Arrays) -> Mapping[str, Arrays]:
    """The same files, each in an Example."""
    return {
        name: {"inputs": np.array([_example(content) for content in case["image_bytes"]], object)}
        for name, case in _file_cases(examples).items()
    }


def _example(content: bytes) -> bytes:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
    example = tf.train.Example(features=tf.train.Features(feature={FEATURE: feature}))
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def _image(spec: ImageSpec) -> Tensor:
    size: dict[str, Any] = {
        "height": spec.height,
        "width": spec.width,
        "channels": spec.channels,
    }
    return Tensor(
        name="image",
        dtype="uint8",
        shape=("batch", spec.height, spec.width, spec.channels),
        codec=Codec(name="image", settings=size),
    )
