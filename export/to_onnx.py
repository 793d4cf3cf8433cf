"""Signatures to ONNX graphs with the signature's own names, by way of tf2onnx.

tf2onnx calls outputs `Identity:0` and free dimensions `unk__73`, logs what it could not convert
and writes the file all the same. Here names come from the signature, and a graph that is not
valid, or holds an operator outside ONNX, is an error.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import keras
import onnx
import tensorflow as tf
import tf2onnx
from onnx import helper

from keras_models.errors import BadInput
from keras_models.signature import Signature, Tensor

CONVERTED_OPSET = 18
"""What tf2onnx writes at most."""
OPSET = 23
"""What is published: ONNX's own converter lifts the graph to it."""
ONNX_DOMAINS = ("", "ai.onnx")


def to_onnx(signature: Signature, path: Path, *, opset: int = OPSET) -> None:
    """Writes the graph of one signature.

    Args:
        signature: traced anew; its variables become constants.
        path: the file to write.
        opset: version of ONNX's operator set, 18 or newer.

    Raises:
        BadInput: something in the model has no equivalent in ONNX; names the operators.
    """
    model = _convert(signature)
    _rename(model.graph, [t.name for t in model.graph.input], signature.inputs)
    _rename(model.graph, [t.name for t in model.graph.output], signature.outputs)
    _declare(model.graph, signature)
    model = onnx.version_converter.convert_version(model, opset)
    _describe(model, signature)
    _refuse_foreign_operators(model.graph, signature)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def tensor_spec(tensor: Tensor) -> tf.TensorSpec:
    """Returns TensorFlow's description of a tensor; named dimensions are free."""
    shape = [None if isinstance(dimension, str) else dimension for dimension in tensor.shape]
    return tf.TensorSpec(shape, tf.dtypes.as_dtype(tensor.dtype), name=tensor.name)


def _convert(signature: Signature) -> onnx.ModelProto:
    names = [tensor.name for tensor in signature.inputs]
    outputs = [tensor.name for tensor in signature.outputs]

    @tf.function  # type: ignore[untyped-decorator]
    def in_order(*values: tf.Tensor) -> list[tf.Tensor]:
        answers = signature.function(**dict(zip(names, values, strict=True)))
        return [tf.identity(answers[name]) for name in outputs]

    specs = [tensor_spec(tensor) for tensor in signature.inputs]
    quiet = logging.getLogger("tf2onnx")
    before = quiet.level
    quiet.setLevel(logging.CRITICAL)
    try:
        model, _ = tf2onnx.convert.from_function(
            in_order, input_signature=specs, opset=CONVERTED_OPSET
        )
    except Exception as error:  # tf2onnx raises whatever it stumbled on
        raise BadInput(f"{signature.name} cannot be expressed in ONNX: {error}") from error
    finally:
        quiet.setLevel(before)
    return model


def _rename(graph: onnx.GraphProto, old: list[str], tensors: tuple[Tensor, ...]) -> None:
    """Gives the inputs or outputs their signature's names, wherever the graph mentions them."""
    new = {name: tensor.name for name, tensor in zip(old, tensors, strict=True)}
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = new.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]


def _declare(graph: onnx.GraphProto, signature: Signature) -> None:
    """Writes the named dimensions; what tf2onnx guessed of inner shapes is left to the runtime."""
    del graph.value_info[:]
    for values, tensors in ((graph.input, signature.inputs), (graph.output, signature.outputs)):
        declared = [
            helper.make_tensor_value_info(
                tensor.name,
                helper.np_dtype_to_tensor_dtype(
                    tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype().dtype
                ),
                list(tensor.shape),
            )
            for tensor in tensors
        ]
        del values[:]
        values.extend(declared)


def _describe(model: onnx.ModelProto, signature: Signature) -> None:
    model.producer_name, model.producer_version = "keras-models", ""
    model.graph.name = signature.name
    model.doc_string = signature.summary
    helper.set_model_props(
        model,
        {
            "signature": signature.name,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "tf2onnx": tf2onnx.__version__,
            **{
                f"{tensor.name}.{name}": str(value)
                for tensor in (*signature.inputs, *signature.outputs)
                if tensor.codec
                for name, value in _settings(tensor).items()
            },
        },
    )


def _settings(tensor: Tensor) -> Mapping[str, object]:
    return tensor.codec.settings if tensor.codec else {}


def _refuse_foreign_operators(graph: onnx.GraphProto, signature: Signature) -> None:
    foreign = sorted(
        {node.op_type for node in graph.node if node.domain not in ONNX_DOMAINS}
        | {node.op_type for node in graph.node if not _is_known(node)}
    )
    if foreign:
        raise BadInput(
            f"{signature.name} uses operations that have no equivalent in ONNX: "
            f"{', '.join(foreign)}"
        )


def _is_known(node: onnx.NodeProto) -> bool:
    return bool(onnx.defs.has(node.op_type, node.domain))
