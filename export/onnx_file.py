"""Signatures to ONNX graphs with the signature's own names, by way of tf2onnx.

tf2onnx calls outputs `Identity:0` and free dimensions `unk__73`, logs what it could not convert
and writes the file all the same. Here names come from the signature, and a graph that is not
valid, or holds an operator outside ONNX, is an error.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from onnx import helper, numpy_helper

from export import (
    canonical,
    clipping,
    folding,
    layouts,
    loops,
    refusals,
    reversals,
    turns,
    widening,
)
from export.lowering import LOWERINGS, detached, earlier, later, replacements
from export.lowering.detached import Weights, declared
from export.lowering.lookup import FIND, Tables
from export.lowering.marks import MARK, Marks
from export.origins import Origins
from export.reasons import REFUSALS
from export.subgraphs import all_nodes
from keras_models.signature import Signature, Tensor

CONVERTED_OPSET = 18
"""What tf2onnx writes at most."""
OPSET = 23
"""What is published: ONNX's own converter lifts the graph to it."""


def write(signature: Signature, path: Path, *, opset: int | None = None) -> None:
    """Writes the graph of one signature: the same model gives the same bytes.

    Args:
        signature: traced anew; its variables become constants.
        path: the file to write; weights that do not fit go into one beside it, `<path>.data`.
        opset: version of ONNX's operator set, 18 or newer; None for `OPSET`, or the one before
            that in which the graph is faster (`lowering/earlier.py`).

    Raises:
        BadInput: something in the model has no equivalent in ONNX; names the layers.
        OSError: the file cannot be written.
    """
    weights, origins = Weights(), Origins()
    model = _convert(signature, opset or OPSET, weights, origins)
    refusal = refusals.of_operators(signature, model.graph, origins)
    if refusal:
        raise refusal
    try:
        model = _lifted(model, opset or _best(model), weights)
        _make_canonical(model, signature, origins)
        _describe(model, signature)
        _store(model, weights, path)
    except INVALID as error:
        raise refusals.of_error(signature, error, (), origins) from error


def _store(model: onnx.ModelProto, weights: Weights, path: Path) -> None:
    """Checks a graph, with its large weights as if they were inputs, and writes it."""
    onnx.checker.check_model(declared(model), full_check=True)
    weights.write(model, path)


def tensor_spec(tensor: Tensor) -> tf.TensorSpec:
    """Returns TensorFlow's description of a tensor; named dimensions are free."""
    shape = [None if isinstance(dimension, str) else dimension for dimension in tensor.shape]
    return tf.TensorSpec(shape, tf.dtypes.as_dtype(tensor.dtype), name=tensor.name)


def _convert(
    signature: Signature, opset: int, weights: Weights, origins: Origins
) -> onnx.ModelProto:
    specs = [tensor_spec(tensor) for tensor in signature.inputs]
    marks = Marks()
    in_order = _in_order(signature, marks)
    replaced = (*replacements(opset), *origins.replacements)
    try:
        with marks.tracing(replaced):
            traced = in_order.get_concrete_function(*specs).graph
    except REFUSALS as error:
        raise refusals.of_call(signature.name, error, origins.failed()) from error
    are_left_out = weights.are_to_be_left_out(traced.variables)
    if refusal := weights.refusal(signature.name, traced.variables):
        raise refusal
    if are_left_out:
        marks = Marks()
        in_order = _in_order(signature, marks)
        with marks.tracing((*replaced, *weights.replacements)):
            traced = in_order.get_concrete_function(*specs).graph
    if refusal := refusals.of_strings(signature, traced, origins):
        raise refusal
    captures = traced.captures
    lowerings = {
        **LOWERINGS,
        MARK: marks.lower,
        FIND: Tables(captures).lower,
    }
    with refusals.listening() as said:
        try:
            model, _ = tf2onnx.convert.from_function(
                in_order,
                input_signature=specs,
                opset=CONVERTED_OPSET,
                extra_opset=[helper.make_opsetid(d, 1) for d in (later.DOMAIN, detached.DOMAIN)],
                custom_op_handlers={name: (function, []) for name, function in lowerings.items()},
            )
        except Exception as error:  # tf2onnx raises whatever it stumbled on
            raise refusals.of_error(signature, error, said, origins) from error
    later.pass_on(model)
    _freeze(model.graph, captures, len(specs))
    if widening.computes_in_bfloat16(traced):
        widening.widen(model.graph)
    return model


def _in_order(signature: Signature, marks: Marks) -> Any:
    """The signature's function of its inputs and outputs by place, yet to be traced."""
    names = [tensor.name for tensor in signature.inputs]
    outputs = [tensor.name for tensor in signature.outputs]

    @tf.function  # type: ignore[untyped-decorator]
    def in_order(*values: tf.Tensor) -> list[tf.Tensor]:
        answers = signature.function(**dict(zip(names, values, strict=True)))
        in_place = (answers[name] for name in outputs)
        return [marks.put(later.answer, [one], [one])[0] for one in in_place]

    return in_order


def _freeze(graph: onnx.GraphProto, captures: Sequence[tuple[Any, Any]], own: int) -> None:
    """Makes constants of tensors that the function closes over, such as Normalization's mean.

    tf2onnx freezes variables only, and leaves these as inputs after the function's own.
    """
    outside = {inside.name: tensor for tensor, inside in captures}
    for value in graph.input[own:]:
        tensor = outside[value.name]
        if tensor.dtype != tf.resource:  # a table, which is written where it is looked up
            graph.initializer.append(numpy_helper.from_array(tensor.numpy(), value.name))
    del graph.input[own:]


def _make_canonical(model: onnx.ModelProto, signature: Signature, origins: Origins) -> None:
    lengths = canonical.lengths_of(model)
    canonical.fix_reshapes(model.graph, lengths)
    loops.hoist(model.graph)
    reversals.cancel(model.graph)
    layouts.join_paddings(model.graph)
    turns.sink(model.graph, lengths)
    layouts.simplify(model.graph)
    folding.fold(model.graph)
    clipping.clip(model.graph)
    canonical.canonicalize(
        model.graph,
        [tensor.name for tensor in signature.inputs],
        [tensor.name for tensor in signature.outputs],
        origins.path,
    )
    _declare(model.graph, signature)
    used = {"", *(node.domain for node in all_nodes(model.graph))}
    ours = [one for one in model.opset_import if one.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(ours)


def _best(model: onnx.ModelProto) -> int:
    return CONVERTED_OPSET if earlier.is_faster(model) else OPSET


def _lifted(model: onnx.ModelProto, opset: int, weights: Weights) -> onnx.ModelProto:
    """In the operator set asked for, and in the oldest file format that has it."""
    lifted = onnx.version_converter.convert_version(model, opset)
    later.restore(lifted)
    weights.attach(lifted)
    lifted.ir_version = helper.find_min_ir_version_for(list(lifted.opset_import))
    return lifted


def _declare(graph: onnx.GraphProto, signature: Signature) -> None:
    """Writes dtypes and named dimensions of inputs and outputs."""
    for values, tensors in ((graph.input, signature.inputs), (graph.output, signature.outputs)):
        declared = [
            helper.make_tensor_value_info(
                tensor.name,
                helper.np_dtype_to_tensor_dtype(
                    np.dtype(tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype)
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
                f"{tensor.name}.{name}": json.dumps(value)
                for tensor in (*signature.inputs, *signature.outputs)
                if tensor.codec
                for name, value in tensor.codec.settings.items()
            },
        },
    )


INVALID = (
    RuntimeError,
    ValueError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    onnx.version_converter.ConvertError,
)
"""What is raised for a graph that is none."""
