"""The tensors that a Keras model takes and gives, in its own nesting, and how it is called."""

import inspect
import itertools
from collections.abc import Mapping
from typing import Any

import keras

from export import traceable
from export.lowering.marks import Marks
from export.reasons import reason
from keras_models.errors import BadInput


def call(model: keras.Model, packed: Any) -> Any:
    """Calls a model with a structure of inputs, however its `call` takes them.

    Without cuDNN, which a layer may ask for: a model gives the same files wherever it is exported.
    """
    changed = [
        (layer, name, getattr(layer, name))
        for layer in model._flatten_layers()
        for name in AT_INFERENCE
        if hasattr(layer, name)
    ]
    try:
        for layer, name, _ in changed:
            setattr(layer, name, AT_INFERENCE[name])
        with Marks().replaced(traceable.REPLACEMENTS):
            return _called(model, packed)
    finally:
        for layer, name, own in changed:
            setattr(layer, name, own)


AT_INFERENCE = {"use_cudnn": False, "activity_regularizer": None}
"""What is other while a model is called: a penalty on answers is of training alone."""


def _called(model: keras.Model, packed: Any) -> Any:
    if _takes_several(model):
        return model(*packed, training=False) if _has_training(model) else model(*packed)
    return model(packed, training=False) if _has_training(model) else model(packed)


def _has_training(model: keras.Model) -> bool:
    return _is_functional(model) or model._call_has_training_arg


def _is_functional(model: keras.Model) -> bool:
    from keras.src.models.functional import Functional  # which has no public name

    return isinstance(model, keras.Sequential | Functional)


def _takes_several(model: keras.Model) -> bool:
    """Tells whether a subclassed model's `call` takes more than one tensor, as it was built."""
    return not _is_functional(model) and len(getattr(model, "_build_shapes_dict", None) or ()) > 1


def inputs_of(model: keras.Model) -> Any:
    """The structure of KerasTensors that the model takes."""
    if isinstance(model, keras.Sequential):
        if getattr(model, "inputs", None):
            return model.inputs[0]
    elif getattr(model, "_inputs_struct", None) is not None:
        return model._inputs_struct
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        raise BadInput(
            f"the model {model.name} declares no inputs: build it from keras.Input, "
            "or call it once on data, then save it again"
        )
    _refuse_unknown_arguments(model, len(shapes))
    dtypes = model.input_dtype
    given = [_tensors(shape, _argument(name), dtypes) for name, shape in shapes.items()]
    return _in_types_that_it_takes(model, tuple(given) if _takes_several(model) else given[0])


def _in_types_that_it_takes(model: keras.Model, structure: Any) -> Any:
    """Keras keeps no types of what a model was called on: integers where it takes no floats.

    Raises:
        BadInput: it takes neither.
    """
    flat = keras.tree.flatten(structure)
    first = None
    for kinds in itertools.product((None, "int32"), repeat=min(len(flat), MOST_TYPED)):
        typed = [
            keras.KerasTensor(one.shape, dtype=kind or one.dtype, name=one.name)
            for one, kind in itertools.zip_longest(flat, kinds)
        ]
        tried = keras.tree.pack_sequence_as(structure, typed)
        try:
            inferred(model, tried)
        except Exception as error:  # whatever its `call` raises
            first = first or error
        else:
            return tried
    takes = ", ".join(f"{one.name} [{', '.join(map(str, one.shape))}]" for one in flat)
    raise BadInput(
        f"the model {model.name} cannot be called on what it says that it takes ({takes}): "
        f"{reason(first)}; build it from keras.Input, and save it again"
    ) from first


MOST_TYPED = 4
"""Of more inputs, those after are floats."""


def _refuse_unknown_arguments(model: keras.Model, known: int) -> None:
    """Keras keeps only the first shape of a model whose `build` does not name the others."""
    parameters = inspect.signature(model.call).parameters.values()
    needed = [
        one.name for one in parameters if one.default is one.empty and one.kind in _POSITIONAL
    ]
    if len(needed) > known:
        raise BadInput(
            f"the model {model.name} takes {', '.join(needed)}, and says the shape of {known} of "
            "them: give it a build method that takes a shape for each, or build it from keras.Input"
        )


SHAPED_ALIKE = tuple(
    getattr(keras.activations, name)
    for name in dir(keras.activations)
    if name not in ("glu", "get", "serialize", "deserialize") and name[0] != "_"
)
"""Activations that leave a shape as it is, as the layer says of all."""
MISDECLARED = ("AdaptiveAveragePool", "AdaptiveMaxPool", "Kron", "Slogdet")
"""Functions of `keras.ops` that declare other shapes than they compute."""
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _argument(name: str) -> str:
    return name.removesuffix("_shape") if name != "input_shape" else "input"


def _tensors(shape: Any, name: str, dtype: str) -> Any:
    if isinstance(shape, Mapping):
        return {key: _tensors(one, str(key), dtype) for key, one in shape.items()}
    if all(length is None or isinstance(length, int) for length in shape):
        return keras.KerasTensor((None, *shape[1:]), dtype=dtype, name=name)
    return [_tensors(one, f"{name}_{i}", dtype) for i, one in enumerate(shape)]


def outputs_of(model: keras.Model, structure: Any) -> Any:
    """The structure of KerasTensors that the model gives."""
    declared = _declared_outputs(model)
    if declared is None:
        return inferred(model, structure)
    if _is_believed(model):
        return declared
    return keras.tree.map_structure(_corrected, declared, inferred(model, structure))


def _declared_outputs(model: keras.Model) -> Any:
    if isinstance(model, keras.Sequential) and getattr(model, "outputs", None):
        return model.outputs[0] if len(model.outputs) == 1 else model.outputs
    return getattr(model, "_outputs_struct", None)


def _is_believed(model: keras.Model) -> bool:
    """Tells whether every layer gives the shape and type that it declares.

    Of Keras' own a few do not: an activation that halves an axis, the crop that is none but in
    training, the lookup that gives strings, the scores of attention between two lengths, and
    functions of `keras.ops`. What others wrote is tried.
    """
    return not any(_may_err(layer) for layer in model._flatten_layers())


def _may_err(layer: keras.Layer) -> bool:
    if isinstance(layer, keras.layers.RandomCrop):
        return True
    if isinstance(layer, keras.layers.StringLookup):
        return bool(layer.invert)
    if isinstance(layer, keras.layers.MultiHeadAttention | keras.layers.GroupQueryAttention):
        return any(len(node.output_tensors) > 1 for node in layer._inbound_nodes)
    if any(type(one).__name__ in MISDECLARED for one in getattr(layer, "operations", ())):
        return True
    if isinstance(layer, keras.layers.Activation):
        return layer.activation not in SHAPED_ALIKE
    declaring = [
        one
        for one in type(layer).__mro__
        if {"compute_output_shape", "compute_output_spec"} & one.__dict__.keys()
    ]
    return declaring[0].__module__.split(".")[0] != "keras"


def _corrected(declared: keras.KerasTensor, traced: keras.KerasTensor) -> keras.KerasTensor:
    """The tensor as it is called, in the shape and type that were seen, where they were."""
    shape = traced.shape
    if len(shape) == len(declared.shape):
        pairs = zip(declared.shape, shape, strict=True)
        shape = tuple(own if seen is None else seen for own, seen in pairs)
    if (shape, traced.dtype) == (declared.shape, declared.dtype):
        return declared
    tensor = keras.KerasTensor(shape, dtype=traced.dtype, name=declared.name)
    tensor._keras_history = declared._keras_history
    return tensor


def inferred(model: keras.Model, structure: Any) -> Any:
    """What the model gives for tensors of these shapes; nothing is computed."""
    if _is_functional(model) and _is_believed(model):
        return model.compute_output_spec(structure)  # by the layers' own formulas, if they have any
    return traced(model, structure)


def traced(model: keras.Model, structure: Any) -> Any:
    """The same by calling the model on tensors that hold nothing."""
    from keras.src import backend

    def called(*arguments: Any) -> Any:
        return call(model, arguments if _takes_several(model) else arguments[0])

    arguments = structure if _takes_several(model) else (structure,)
    return backend.compute_output_spec(called, *arguments)
