"""Large weights: left out while a model is converted, and written when the graph is done.

A file of ONNX, and a graph of TensorFlow's on its way there, hold 2 GB at most; and every step on
that way makes another copy. So a large variable is read through a mark that becomes a node without
an input, `Weight` of another domain. When the graph is done, such a node becomes a constant, whose
numbers are written into the graph's file or, where that would be too large, into `<name>.onnx.data`
beside it. What only turns or reshapes one is computed when it is written, one after the other, so
that memory never holds a second model.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
from keras.src.backend.common import KerasVariable, get_autocast_scope
from onnx import TensorProto, helper, numpy_helper

from export.lowering import streamed
from export.lowering.marks import Marks, Nodes, Replacement
from export.subgraphs import all_nodes, bodies
from keras_models.errors import BadInput

DOMAIN = "keras_models.weights"
LARGE_BYTES = 2**30
"""Variables of a function above which all large ones are left out, and have their own file."""
HEAVY_BYTES = 2**26
"""Matrices of a function above which they are left out, for the sake of memory. Kernels of
convolutions stay, for normalization is folded into them."""
LEAST_BYTES = 2**20
"""Size of a variable that is worth leaving out."""
MOST_BYTES = 2**31 - 2**24
"""Variables that must stay in the graph, of other types than float32: its file holds 2 GB."""
ALIGNMENT = 64
"""Bytes that each constant begins at a multiple of."""

Maker = Callable[[], np.ndarray]


class Weights:
    """The variables that were left out of one trace, and what is made of them."""

    def __init__(self) -> None:
        """Begins with none."""
        self._are_beside = False
        self._makers: list[Maker] = []
        self._kinds: list[tuple[tuple[int, ...], np.dtype]] = []
        self._marked: dict[tuple[int, int], tf.Tensor] = {}

    def are_to_be_left_out(self, variables: Iterable[tf.Variable]) -> bool:
        """Tells whether a function that reads these variables is traced again without them."""
        sizes = {id(one): _bytes_of(one) for one in variables}
        self._are_beside = sum(sizes.values()) > LARGE_BYTES
        matrices = [
            s for one in variables if _is_matrix(one) and (s := sizes[id(one)]) >= LEAST_BYTES
        ]
        return self._are_beside or sum(matrices) > HEAVY_BYTES

    def refusal(self, name: str, variables: Iterable[tf.Variable]) -> BadInput | None:
        """Returns why a graph would be larger than its file can be; None if it is not.

        Args:
            name: of the signature.
            variables: that it reads.
        """
        inside = {id(one): one for one in variables if not self._is_left_out(one)}.values()
        if sum(map(_bytes_of, inside)) <= MOST_BYTES:
            return None
        largest = sorted(inside, key=_bytes_of, reverse=True)[:3]
        said = ", ".join(
            f"{one.name.split(':')[0]} ({one.dtype.name}, {_bytes_of(one) / 1e9:.1f} GB)"
            for one in largest
        )
        return BadInput(
            f"{name} is too large for ONNX: {said}. A graph's file holds 2 GB, and weights lie "
            "beside it only as float32: load the model in float32 and save it so; or "
            "keras-export --format savedmodel publishes the SavedModel alone"
        )

    @property
    def are_beside(self) -> bool:
        """Whether any was left out that is written into a file of its own."""
        return self._are_beside and bool(self._makers)

    @property
    def replacements(self) -> tuple[Replacement, ...]:
        """What is to be replaced while the model is traced."""
        return (Replacement(KerasVariable, "value", self._value),)

    def _value(self, marks: Marks, original: Any) -> Any:
        def value(variable: Any) -> Any:
            own = variable._value
            if own is None or tf.executing_eagerly() or not self._is_left_out(own):
                return original.fget(variable)
            key = id(variable), id(tf.compat.v1.get_default_graph())
            if key not in self._marked:
                number = self._add(partial(np.asarray, own), tuple(own.shape), np.dtype(np.float32))
                spec = tf.TensorSpec(own.shape, own.dtype)
                self._marked[key] = marks.put(partial(_write, number), [], [spec])[0]
            return variable._maybe_autocast(self._marked[key])

        return property(value)

    def _is_left_out(self, variable: tf.Variable) -> bool:
        if variable.dtype != tf.float32 or _bytes_of(variable) < LEAST_BYTES:
            return False
        scope = get_autocast_scope()
        is_cast = scope is not None and scope.dtype not in (None, "float32")
        return self._are_beside or (_is_matrix(variable) and not is_cast)

    def _add(self, maker: Maker, shape: tuple[int, ...], dtype: np.dtype) -> int:
        self._makers.append(maker)
        self._kinds.append((shape, dtype))
        return len(self._makers) - 1

    def attach(self, model: onnx.ModelProto) -> None:
        """Makes constants of the nodes that stand for weights; their numbers are yet to be written.

        Args:
            model: changed in place.
        """
        self._attach(model.graph)
        if not self.are_beside:  # of the graph's file, only its own constants can wait
            for body in (body for node in model.graph.node for body in bodies(node)):
                self._fill(body)
        kept = [one for one in model.opset_import if one.domain != DOMAIN]
        del model.opset_import[:]
        model.opset_import.extend(kept)

    def _attach(self, graph: onnx.GraphProto) -> None:
        small = {one.name: one for one in graph.initializer}
        known: dict[str, int] = {}
        for node in list(graph.node):
            if node.domain == DOMAIN:
                known[node.output[0]] = node.attribute[0].i
            elif node.input and node.input[0] in known and node.op_type in TURNS:
                turn = _turn(node, small)
                if turn is None:
                    continue
                known[node.output[0]] = self._turned(known[node.input[0]], turn)
            else:
                for body in bodies(node):
                    self._attach(body)
                continue
            graph.node.remove(node)
        used = {name for one in all_nodes(graph) for name in one.input}
        used.update(value.name for value in graph.output)
        graph.initializer.extend(
            self._placeholder(name, number) for name, number in known.items() if name in used
        )

    def _fill(self, body: onnx.GraphProto) -> None:
        for tensor in _external(body):
            array = self._makers[_number(tensor)]()
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))

    def _turned(self, number: int, turn: Callable[[np.ndarray], np.ndarray]) -> int:
        maker, (shape, dtype) = self._makers[number], self._kinds[number]
        like = turn(np.broadcast_to(np.zeros((), dtype), shape))  # which takes no memory
        return self._add(lambda: turn(maker()), like.shape, dtype)

    def _placeholder(self, name: str, number: int) -> onnx.TensorProto:
        shape, dtype = self._kinds[number]
        tensor = onnx.TensorProto(name=name, dims=shape, data_location=TensorProto.EXTERNAL)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(dtype)
        tensor.external_data.add(key="location", value=str(number))
        return tensor

    def write(self, model: onnx.ModelProto, path: Path) -> None:
        """Writes a graph's file, with the numbers that were left out in it or beside it.

        Args:
            model: done but for them; is not used afterwards.
            path: of the file. The one beside it has `.data` after its name.
        """
        if self.are_beside:
            self._write_beside(model, path)
            path.write_bytes(model.SerializeToString(deterministic=True))
        else:
            inside = [one for one in model.graph.initializer if _is_external(one)]
            entries = ((one, self._makers[_number(one)]) for one in inside)
            streamed.write(model, entries, path)

    def _write_beside(self, model: onnx.ModelProto, path: Path) -> None:
        """In the order of the graph's constants, which then say where their numbers are."""
        target = data_of(path)
        with target.open("wb") as file:
            for tensor in _external(model.graph):
                array = np.ascontiguousarray(self._makers[_number(tensor)]())
                file.write(bytes(-file.tell() % ALIGNMENT))
                where = {"location": target.name, "offset": file.tell(), "length": array.nbytes}
                file.write(array.data)
                del tensor.external_data[:]
                for key, value in where.items():
                    tensor.external_data.add(key=key, value=str(value))


def _bytes_of(variable: tf.Variable) -> int:
    return int(np.prod(variable.shape)) * int(variable.dtype.size)


def _is_matrix(variable: tf.Variable) -> bool:
    return len(variable.shape) <= 2


def _is_external(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.data_location == TensorProto.EXTERNAL)


def _number(tensor: onnx.TensorProto) -> int:
    return int(tensor.external_data[0].value)


def declared(model: onnx.ModelProto) -> onnx.ModelProto:
    """Returns a copy in which the constants that have no numbers yet are inputs: to be checked."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    waiting = [one for one in copy.graph.initializer if _is_external(one)]
    for tensor in waiting:
        copy.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        )
    kept = [one for one in copy.graph.initializer if not _is_external(one)]
    del copy.graph.initializer[:]
    copy.graph.initializer.extend(kept)
    return copy


def data_of(path: Path) -> Path:
    """Returns where the weights of a graph are that are not in its file."""
    return path.with_name(f"{path.name}.data")


def refuse_detached(path: Path) -> None:
    """Refuses what rewrites a graph with the numbers that are in its own file alone.

    Raises:
        BadInput: the graph at `path` has others.
    """
    if data_of(path).exists():
        raise BadInput(
            f"{path.stem} is too large to be rewritten: its weights are in a file of their own; "
            "export it without --optimize, --quantize and --precision"
        )


def _write(number: int, nodes: Nodes, inputs: list[str]) -> list[str]:
    return [nodes("Weight", [], domain=DOMAIN, number=number)]


TURNS = ("Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze")
"""Operators that only say otherwise where a number stands."""


def _turn(
    node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]
) -> Callable[[np.ndarray], np.ndarray] | None:
    """What a node does to a weight; None where it is not known beforehand."""
    if node.op_type == "Identity":
        return lambda array: array
    if node.op_type == "Transpose":
        order = next((list(one.ints) for one in node.attribute if one.name == "perm"), None)
        return lambda array: np.transpose(array, order)
    if len(node.input) < 2 or node.input[1] not in constants:
        return None
    numbers = tuple(numpy_helper.to_array(constants[node.input[1]]).tolist())
    if node.op_type == "Reshape":
        return None if 0 in numbers else lambda array: array.reshape(numbers)
    if node.op_type == "Squeeze":
        return lambda array: np.squeeze(array, numbers)
    return lambda array: np.expand_dims(array, numbers)


def _external(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    for tensor in graph.initializer:
        if _is_external(tensor):
            yield tensor
    for node in graph.node:
        for body in bodies(node):
            yield from _external(body)
