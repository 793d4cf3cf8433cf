"""The signature of a model that nobody described: in its own names, dtypes and shapes.

Functional, sequential and subclassed models, with any nesting of inputs and outputs. Names are
the model's own, or the keys of its dicts; the first free dimension is `batch`, others are `time`,
or `height` and `width`; an output's dimension that always equals one of an input has its name.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from export import known, lengths, refusals, state, structures, ties
from export.reasons import REFUSALS
from export.takers import takers
from keras_models.signature import Shape, Signature, Tensor
from serving.differences import last_bits

NUMBERED_BY_KERAS = re.compile(r"keras_tensor(_\d+)?")
"""Names that a counter of the process made: they say nothing, and change with every process."""
AXES = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""What one, two and three free dimensions beside the batch are called."""
TABLES = (
    tf.lookup.StaticHashTable,
    tf.lookup.StaticVocabularyTable,
    tf.lookup.experimental.DenseHashTable,
    tf.lookup.experimental.MutableHashTable,
)
TOLERANCE = 1e-4
TOLERANCES = {"float16": 2e-2, "bfloat16": 6e-2}
"""By the type that a layer computes in, some 20 roundings of it."""


def signature_of(model: keras.Model, name: str = "serving_default") -> Signature:
    """Returns the one signature of a model.

    State that layers keep from call to call (`stateful=True`) becomes inputs and outputs.

    Raises:
        BadInput: nobody knows what it takes: it was built from no inputs, and never called; or
            Keras itself cannot call it on what it says it takes.
    """
    structure = structures.inputs_of(model)
    flat = keras.tree.flatten(structure)
    inputs = _described(flat, _input_names(structure, flat), "input", taken=())
    takes = zip(inputs, takers(model, structure), strict=True)
    inputs = tuple(_limited(one, layers) for one, layers in takes)
    states = state.of(model, taken=[tensor.name for tensor in inputs])
    # A Sequential that was only ever called has the batch that it happened to be called on.
    is_freed = bool(states) or isinstance(model, keras.Sequential)
    if is_freed:
        inputs = tuple(state.with_free_batch(tensor) for tensor in inputs)
    asked = model, structure, inputs
    tried = lengths.tried(inputs, partial(_shapes, *asked), partial(_is_traceable, *asked))
    inputs = tuple(lengths.renamed(tensor, tried.names) for tensor in inputs)
    try:
        produced = structures.outputs_of(model, structure)
    except REFUSALS as error:
        raise refusals.of_call(model.name, error) from error
    taken = [tensor.name for tensor in (*inputs, *states.inputs)]
    flat_outputs = keras.tree.flatten(produced)
    names = _output_names(model, produced, flat_outputs)
    outputs = _described(flat_outputs, names, "output", taken)
    outputs = _with_names_of_inputs(outputs, tried, is_batched=is_freed)

    tolerance = _tolerance(model)

    def call(**arrays: tf.Tensor) -> dict[str, tf.Tensor]:
        values = [
            tf.cast(arrays[tensor.name], own.dtype)
            for tensor, own in zip(inputs, flat, strict=True)
        ]
        packed = keras.tree.pack_sequence_as(structure, values)
        answers, after = states.call(
            lambda: structures.call(model, packed),
            [arrays[tensor.name] for tensor in states.inputs],
        )
        given = [tf.convert_to_tensor(one) for one in keras.tree.flatten(answers)]
        named = {t.name: tf.cast(one, t.dtype) for t, one in zip(outputs, given, strict=True)}
        return named | dict(zip([tensor.name for tensor in states.outputs], after, strict=True))

    return Signature(
        name=name,
        summary=f"Calls the Keras model {model.name}.",
        function=call,
        inputs=(*inputs, *states.inputs),
        outputs=(*outputs, *states.outputs),
        tolerance=tolerance,
        resources=_tables(model),
        ties=lambda given, answers: ties.ties_of(call, given, answers, share=last_bits(tolerance)),
    )


def _tables(model: keras.Model) -> list[Any]:
    """What a SavedModel has to keep beside variables."""
    held = (value for layer in model._flatten_layers() for value in vars(layer).values())
    return [value for value in held if isinstance(value, TABLES)]


def _limited(tensor: Tensor, layers: Sequence[keras.Operation]) -> Tensor:
    """Adds which ids an input may hold, by the layers that take it: Keras refuses others.

    Floats as well: Keras makes float32 the type of a Sequential's input that nobody declared.
    """
    sizes = [size for layer in layers if (size := known.size_of(layer))]
    if not sizes or tensor.dtype in ("bool", "string"):
        return tensor
    return dataclasses.replace(tensor, minimum=0, maximum=min(sizes) - 1)


def _tolerance(model: keras.Model) -> float:
    """How far an answer may be from Keras': half precision rounds each sum as it is ordered."""
    types = {layer.dtype_policy.compute_dtype for layer in model._flatten_layers()}
    return max([TOLERANCES[name] for name in types if name in TOLERANCES], default=TOLERANCE)


def _input_names(structure: Any, flat: Sequence[keras.KerasTensor]) -> list[str]:
    keys = [_key(path) for path, _ in keras.tree.flatten_with_path(structure)]
    return [
        key if key and NUMBERED_BY_KERAS.fullmatch(tensor.name) else tensor.name
        for key, tensor in zip(keys, flat, strict=True)
    ]


def _output_names(
    model: keras.Model, structure: Any, flat: Sequence[keras.KerasTensor]
) -> list[str]:
    """Keys of dicts, or who made the tensor."""
    keys = [_key(path) for path, _ in keras.tree.flatten_with_path(structure)]
    if isinstance(structure, Mapping):
        return keys
    return [
        getattr(getattr(tensor, "_keras_history", None), "operation", model).name for tensor in flat
    ]


def _key(path: Sequence[Any]) -> str:
    return "_".join(map(str, path))


def _described(
    tensors: Sequence[keras.KerasTensor], names: Sequence[str], kind: str, taken: Sequence[str]
) -> tuple[Tensor, ...]:
    """Names each tensor once, apart from those taken, and writes down what it is."""
    described: list[Tensor] = []
    lone = sum(_is_free(tensor.shape) for tensor in tensors) == 1 and kind == "input"
    for position, (tensor, own) in enumerate(zip(tensors, names, strict=True)):
        name = plain(own, kind)
        if list(names).count(own) > 1 or (name == kind and len(names) > 1):
            name = f"{name}_{position}"
        while name in taken or name in [one.name for one in described]:
            name = f"{name}_{kind}"
        shape = _shape(tensor.shape, "" if lone else f"{name}_")
        described.append(Tensor(name=name, dtype=_dtype(tensor), shape=shape))
    return tuple(described)


def _dtype(tensor: keras.KerasTensor) -> str:
    """bfloat16 is no type of NumPy's, nor of JSON's: outside it is float32, which holds it."""
    dtype = str(tensor.dtype)
    return "float32" if dtype == "bfloat16" else dtype


def plain(name: str, kind: str) -> str:
    """Returns a name that TensorFlow, ONNX and Python all take."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    if NUMBERED_BY_KERAS.fullmatch(plain):
        return kind
    return plain if plain[:1].isalpha() else f"{kind}_{plain}"


def _is_free(shape: Sequence[int | None]) -> bool:
    return None in shape[1:]


def _shape(shape: Sequence[int | None], prefix: str) -> Shape:
    free = [axis for axis, length in enumerate(shape) if length is None and axis]
    names = AXES.get(len(free), ())
    if len(free) == 2 and len(shape) < 4:
        names = ()
    named = {axis: f"{prefix}{name}" for axis, name in zip(free, names, strict=False)}
    own = {axis: named.get(axis, f"{prefix or 'axis_'}{axis}") for axis in free}
    own[0] = "batch"
    return tuple(own[axis] if length is None else length for axis, length in enumerate(shape))


def _with_names_of_inputs(
    outputs: tuple[Tensor, ...], tried: lengths.Tried, *, is_batched: bool
) -> tuple[Tensor, ...]:
    """Gives outputs' free dimensions the names of those of inputs that they always equal."""
    if is_batched:
        outputs = tuple(state.with_free_batch(tensor) for tensor in outputs)
    if not tried.shapes:
        return outputs
    named = []
    for tensor, same_as, *shapes in zip(outputs, tried.following(), *tried.shapes, strict=True):
        lengths_of_axes = zip(tensor.shape, same_as, zip(*shapes, strict=True), strict=True)
        shape = tuple(
            _dimension(dimension, same, seen, own=f"{tensor.name}_{axis}")
            for axis, (dimension, same, seen) in enumerate(lengths_of_axes)
        )
        named.append(dataclasses.replace(tensor, shape=shape))
    return tuple(named)


def _dimension(
    dimension: int | str, same: Sequence[str], seen: Sequence[Any], *, own: str
) -> int | str:
    """A length that is known, or the name of an input's that it equals, or its own."""
    if not isinstance(dimension, str):
        return dimension
    if same:
        return same[0]
    if seen[0] == seen[1] and seen[0] is not None:
        return int(seen[0])
    return own if dimension == "batch" and None not in seen else dimension


def _shapes(
    model: keras.Model, structure: Any, inputs: tuple[Tensor, ...], given: Mapping[str, int]
) -> list[Shape] | None:
    """The outputs' shapes for inputs of these lengths; None where Keras cannot tell."""
    try:
        made = structures.inferred(model, _structure(structure, inputs, given))
    except Exception:  # a layer that wants other lengths, or cannot say
        return None
    return [tuple(tensor.shape) for tensor in keras.tree.flatten(made)]


def _is_traceable(
    model: keras.Model, structure: Any, inputs: tuple[Tensor, ...], given: Mapping[str, int]
) -> bool:
    try:
        structures.traced(model, _structure(structure, inputs, given))
    except Exception:
        return False
    return True


def _structure(structure: Any, inputs: tuple[Tensor, ...], given: Mapping[str, int]) -> Any:
    tensors = [
        keras.KerasTensor([given[d] if isinstance(d, str) else d for d in t.shape], dtype=t.dtype)
        for t in inputs
    ]
    return keras.tree.pack_sequence_as(structure, tensors)
