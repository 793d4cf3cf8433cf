"""Requests that TF Serving runs before it calls a version ready, so that no user waits for it.

`assets.extra/tf_serving_warmup_requests` is a TFRecord of `PredictionLog` messages. TF Serving's
protos are not needed: the few fields are described here, with the numbers of its
`apis/prediction_log.proto`, `predict.proto` and `model.proto`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from serving.golden import Case

BATCHES = ("real_1", "real_32", "real_png_1")


def write(cases: Sequence[Case], name: str, folder: Path) -> int:
    """Writes requests of batch 1 and 32 for every signature.

    Args:
        cases: golden inputs, by signature.
        name: of the model.
        folder: of the bundle.

    Returns:
        How many requests there are.
    """
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir()
    chosen = [case for case in cases if case.name in BATCHES]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for case in chosen:
            writer.write(_prediction_log(name, case.signature, case.inputs))
    return len(chosen)


def _prediction_log(model: str, signature: str, inputs: Mapping[str, np.ndarray]) -> bytes:
    log = message_class()()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        if value.dtype.kind == "U":  # bytes, in hexadecimal
            value = np.array([bytes.fromhex(one) for one in value.ravel()], object)
        entry = request.inputs.add()
        entry.key, entry.value = name, tf.make_tensor_proto(value).SerializeToString()
    content: bytes = log.SerializeToString(deterministic=True)
    return content


def message_class() -> type:
    """Returns `PredictionLog` with the fields that are used, from a descriptor pool of its own.

    A map is on the wire a repeated entry of key and value, and a message inside a message is its
    bytes: so a TensorProto is put in as TensorFlow wrote it.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="warmup.proto", package="keras_models", syntax="proto3"
    )
    message = descriptor_pb2.FieldDescriptorProto
    _add(
        file,
        "ModelSpec",
        [("name", 1, message.TYPE_STRING, ""), ("signature_name", 3, message.TYPE_STRING, "")],
    )
    _add(file, "Input", [("key", 1, message.TYPE_STRING, ""), ("value", 2, message.TYPE_BYTES, "")])
    _add(
        file,
        "PredictRequest",
        [
            ("model_spec", 1, message.TYPE_MESSAGE, "ModelSpec"),
            ("inputs", 2, message.TYPE_MESSAGE, "Input"),
        ],
    )
    _add(file, "PredictLog", [("request", 1, message.TYPE_MESSAGE, "PredictRequest")])
    _add(file, "PredictionLog", [("predict_log", 6, message.TYPE_MESSAGE, "PredictLog")])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found: type = message_factory.GetMessageClass(
        pool.FindMessageTypeByName("keras_models.PredictionLog")
    )
    return found


def _add(
    file: descriptor_pb2.FileDescriptorProto, name: str, fields: Sequence[tuple[str, int, int, str]]
) -> None:
    made = file.message_type.add(name=name)
    for field, number, kind, of in fields:
        made.field.add(
            name=field,
            number=number,
            type=kind,
            type_name=f".keras_models.{of}" if of else None,
            label=3 if field == "inputs" else 1,
        )
