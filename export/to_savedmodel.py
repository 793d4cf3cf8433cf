"""Signatures to one SavedModel: what TF Serving loads as it stands."""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import fingerprint_pb2

from export.lowering import time_distributed
from export.lowering.marks import Marks
from export.onnx_file import tensor_spec
from keras_models.signature import Signature, Tensor


def to_savedmodel(signatures: Sequence[Signature], folder: Path) -> None:
    """Writes `saved_model.pb` and `variables/` into `folder`.

    Every signature keeps the names, dtypes and shapes that it declares; the variables behind them
    are stored once.

    Raises:
        OSError: the folder cannot be written.
    """
    module = tf.Module()
    functions = {signature.name: _traced(signature) for signature in signatures}
    # TensorFlow saves only the variables that it can reach from the module.
    module.variables_used = _variables(functions)
    module.resources_used = _tables(signatures, functions)
    try:
        tf.saved_model.save(module, str(folder), signatures=functions)
    except tf.errors.ResourceExhaustedError as error:  # how TensorFlow says that a disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message.splitlines()[0], str(folder)) from error
    _identify_by_content(folder)


def _identify_by_content(folder: Path) -> None:
    """Makes the number by which TensorFlow knows a SavedModel one of its content.

    It draws one at random, the only byte by which two exports of a model would differ.
    """
    path = folder / "fingerprint.pb"
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    digest = hashlib.sha256((folder / "saved_model.pb").read_bytes()).digest()
    fingerprint.uuid = str(int.from_bytes(digest[:16], "big"))
    path.write_bytes(fingerprint.SerializeToString(deterministic=True))


def _traced(signature: Signature) -> tf.types.experimental.ConcreteFunction:
    outputs = {tensor.name: tensor for tensor in signature.outputs}

    def function(**inputs: tf.Tensor) -> Mapping[str, tf.Tensor]:
        checks = [check for tensor in signature.inputs for check in _checks(tensor, inputs)]
        with tf.control_dependencies(checks):
            checked = {name: tf.identity(value) for name, value in inputs.items()}
        answers = signature.function(**checked)
        return {name: tf.identity(answers[name], name=name) for name in outputs}

    specs = {tensor.name: tensor_spec(tensor) for tensor in signature.inputs}
    with Marks().replaced(time_distributed.REPLACEMENTS):
        return tf.function(function).get_concrete_function(**specs)


def _checks(tensor: Tensor, inputs: Mapping[str, tf.Tensor]) -> Iterator[tf.Operation]:
    """Refuses values outside what a tensor takes, as serving does; a client reads the message."""
    value = inputs[tensor.name]
    for limit, is_within, word in (
        (tensor.minimum, tf.greater_equal, "least"),
        (tensor.maximum, tf.less_equal, "most"),
    ):
        if limit is not None:
            holds = tf.reduce_all(is_within(value, tf.cast(limit, value.dtype)))
            yield tf.Assert(holds, [f"{tensor.name} must be at {word} {limit:.15g}"])


def _tables(
    signatures: Sequence[Signature],
    functions: Mapping[str, tf.types.experimental.ConcreteFunction],
) -> list[Any]:
    """The tables that a function reads; a layer may have others, which only `adapt` needs."""
    captured = {id(outside) for one in functions.values() for outside, _ in one.graph.captures}
    tables = [one for signature in signatures for one in signature.resources]
    return [one for one in tables if id(one.resource_handle) in captured]


def _variables(
    functions: Mapping[str, tf.types.experimental.ConcreteFunction],
) -> list[tf.Variable]:
    """All variables, in the order in which the functions first read them.

    TensorFlow keeps them in a set, whose order is another one in every process.
    """
    found: dict[int, tf.Variable] = {}
    for function in functions.values():
        own = {id(variable.handle): variable for variable in function.graph.variables}
        handles = [id(outside) for outside, _ in function.graph.captures]
        found |= {handle: own[handle] for handle in handles if handle in own}
    return list(found.values())
