"""Signatures to one SavedModel: what TF Serving loads as it stands."""

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from export.to_onnx import tensor_spec
from keras_models.signature import Signature


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
    try:
        tf.saved_model.save(module, str(folder), signatures=functions)
    except tf.errors.ResourceExhaustedError as error:  # how TensorFlow says that a disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message.splitlines()[0], str(folder)) from error


def _traced(signature: Signature) -> tf.types.experimental.ConcreteFunction:
    outputs = {tensor.name: tensor for tensor in signature.outputs}

    def function(**inputs: tf.Tensor) -> Mapping[str, tf.Tensor]:
        answers = signature.function(**inputs)
        return {name: tf.identity(answers[name], name=name) for name in outputs}

    specs = {tensor.name: tensor_spec(tensor) for tensor in signature.inputs}
    return tf.function(function).get_concrete_function(**specs)


def _variables(
    functions: Mapping[str, tf.types.experimental.ConcreteFunction],
) -> list[tf.Variable]:
    found = {
        id(variable): variable
        for function in functions.values()
        for variable in function.graph.variables
    }
    return list(found.values())
