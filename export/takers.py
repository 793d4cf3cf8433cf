"""Which layers take a model's inputs as they are: they say what values an input may hold."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras.src.models.functional import Functional  # which has no public name

from export import structures
from export.lowering.marks import Marks, Replacement


def takers(model: keras.Model, structure: Any) -> list[list[keras.Operation]]:
    """Returns for each input, in the order of the flat structure, the layers that take it.

    Models inside of models are looked into. Where there is no graph of layers, the model is traced.

    Args:
        model: any.
        structure: of its inputs, as `structures.inputs_of` gives it.
    """
    flat = keras.tree.flatten(structure)
    graph = _graph(model)
    if graph is not None:
        return [list(_in_graph(graph, tensor)) for tensor in flat]
    return _in_trace(model, structure, flat)


def _graph(operation: keras.Operation) -> Functional | None:
    """The graph of layers that a functional model is, and that a Sequential keeps inside."""
    found = getattr(operation, "_functional", None) or operation
    return found if isinstance(found, Functional) else None


def _in_graph(graph: Functional, tensor: keras.KerasTensor) -> Iterator[keras.Operation]:
    for operation in graph.operations:
        for node in operation._inbound_nodes:
            for position, one in enumerate(node.input_tensors):
                inner = _graph(operation)
                if one is not tensor:
                    continue
                if inner is None:
                    yield operation
                elif position < len(inner.inputs):
                    yield from _in_graph(inner, inner.inputs[position])


def _in_trace(
    model: keras.Model, structure: Any, flat: Sequence[keras.KerasTensor]
) -> list[list[keras.Operation]]:
    found: list[list[keras.Operation]] = [[] for _ in flat]
    given: list[tf.Tensor] = []

    def watched(marks: Marks, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: keras.Operation, *arguments: Any, **named: Any) -> Any:
            for one in keras.tree.flatten((arguments, named)):
                for position, tensor in enumerate(given):
                    if one is tensor and not isinstance(layer, keras.Model):
                        found[position].append(layer)
            return original(layer, *arguments, **named)

        return call

    def called(*tensors: tf.Tensor) -> None:
        given[:] = tensors
        structures.call(model, keras.tree.pack_sequence_as(structure, list(tensors)))

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in flat]
    with Marks().replaced((Replacement(keras.Operation, "__call__", watched),)):
        try:
            tf.function(called).get_concrete_function(*specs)
        except Exception:  # a model that cannot be traced, which its export will say
            return [[] for _ in flat]
    return found
