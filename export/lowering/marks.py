"""Marks: what Keras computes in one function, kept as one operator until it becomes ONNX nodes.

tf2onnx sees TensorFlow's small operators and would have to guess what they were. So while a model
is traced for ONNX, functions of Keras that ONNX has an operator for put down a mark: one operator
that stands for all of it, with the tensors it takes. tf2onnx hands each mark to `Marks.lower`,
which lets the function that put it down write its nodes. TensorFlow's operator behind a mark is
PyFuncStateless, which takes and gives anything; it is never run.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from onnx import helper

Context = Any  # tf2onnx's graph and node, which carry no types
Node = Any

MARK = "PyFuncStateless"
TRACED = threading.RLock()
"""Functions are replaced for the whole process, so one model is traced at a time."""


class Nodes:
    """Writes ONNX nodes into tf2onnx's graph."""

    def __init__(self, context: Context, prefix: str) -> None:
        """Names everything after `prefix`, which begins with the layer's name."""
        self.context, self._prefix, self._number = context, prefix, 0

    def __call__(
        self,
        operator: str,
        inputs: Sequence[str],
        *,
        outputs: int = 1,
        domain: str = "",
        **attributes: Any,
    ) -> Any:
        """Writes a node and returns the name of its output, or a list of several."""
        made = self.context.make_node(
            operator,
            list(inputs),
            name=self._name(operator),
            output_count=outputs,
            domain=domain,
            attr={key: value for key, value in attributes.items() if value is not None},
        )
        return made.output[0] if outputs == 1 else list(made.output)

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Writes a constant and returns its name."""
        array = np.asarray(value, dtype)
        name: str = self.context.make_const(self._name("constant"), array).output[0]
        return name

    def transposed(self, tensor: str, axes: Sequence[int]) -> str:
        """Returns the tensor with its axes in that order."""
        if list(axes) == list(range(len(axes))):
            return tensor
        name: str = self("Transpose", [tensor], perm=list(axes))
        return name

    def reshaped(self, tensor: str, shape: Sequence[int]) -> str:
        """Returns the tensor in another shape."""
        name: str = self("Reshape", [tensor, self.constant(shape, np.int64)])
        return name

    def squeezed(self, tensor: str, axis: int) -> str:
        """Returns the tensor without an axis of length one."""
        name: str = self("Squeeze", [tensor, self.constant([axis], np.int64)])
        return name

    def unsqueezed(self, tensor: str, axis: int) -> str:
        """Returns the tensor with an axis of length one put in."""
        name: str = self("Unsqueeze", [tensor, self.constant([axis], np.int64)])
        return name

    def reversed(self, tensor: str, *axes: int) -> str:
        """Returns the tensor from its last to its first along one or more axes."""
        lowest, each = np.iinfo(np.int64).min, len(axes)
        bounds = [
            self.constant(one, np.int64)
            for one in ([-1] * each, [lowest] * each, axes, [-1] * each)
        ]
        name: str = self("Slice", [tensor, *bounds])
        return name

    def step(self, tensor: str, position: int) -> str:
        """Returns one step of [batch, time, …]."""
        name: str = self("Gather", [tensor, self.constant(position, np.int64)], axis=1)
        return name

    def _name(self, of: str) -> str:
        self._number += 1
        return f"{self._prefix}/{of}_{self._number}"


class InPlace(Nodes):
    """Writes nodes in place of one of tf2onnx's, which is taken out.

    Attributes:
        inputs: names of what it took.
        dtype: ONNX's, of what it gave.
    """

    def __init__(self, context: Context, node: Node) -> None:
        """Takes the node out."""
        super().__init__(context, node.name)
        self.inputs: list[str] = list(node.input)
        self._last = {"name": node.name, "outputs": [node.output[0]]}
        self._shape = context.get_shape(node.output[0])
        self.dtype = context.get_dtype(node.output[0])
        context.remove_node(node.name)

    def number(self, value: Any) -> str:
        """Writes a constant in the type of what the node gave."""
        dtype: np.dtype = helper.tensor_dtype_to_np_dtype(self.dtype)
        return self.constant(value, dtype)

    def give(self, operator: str, inputs: Sequence[str], **attributes: Any) -> None:
        """Writes the last node, which gives what the one taken out gave."""
        self.context.make_node(
            operator,
            list(inputs),
            shapes=[self._shape],
            dtypes=[self.dtype],
            attr=attributes,
            **self._last,
        )


Writer = Callable[[Nodes, list[str]], Sequence[str]]
"""Writes the nodes of a mark: told its inputs' names, returns its outputs'."""


@dataclass(frozen=True)
class Mark:
    """A mark that was put down: who writes it, and the static shapes of what it gives."""

    write: Writer
    shapes: Sequence[Sequence[int]]


class Marks:
    """All marks of one trace."""

    def __init__(self) -> None:
        """Begins with none."""
        self._put: list[Mark] = []

    def put(
        self, write: Writer, inputs: Sequence[Any], like: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Puts a mark into the graph that is being traced.

        Args:
            write: makes its ONNX nodes, later.
            inputs: all tensors that it takes.
            like: what TensorFlow would give; nothing of it stays but dtypes and shapes.
        """
        shapes = [[-1 if n is None else n for n in one.shape] for one in like]
        self._put.append(Mark(write, shapes))
        given = tf.raw_ops.PyFuncStateless(
            input=[tf.convert_to_tensor(one) for one in inputs],
            token=str(len(self._put) - 1),
            Tout=[one.dtype for one in like],
        )
        for tensor, one in zip(given, like, strict=True):
            tensor.set_shape(one.shape)
        return [tf.ensure_shape(tensor, one.shape) for tensor, one in zip(given, like, strict=True)]

    def lower(self, context: Context, node: Node, name: str, args: object) -> None:
        """Writes the nodes of a mark in its place."""
        token = node.get_attr_value("token")
        mark = self._put[int(token)]
        inputs, outputs, dtypes = list(node.input), list(node.output), node.output_dtypes
        context.remove_node(node.name)
        made = mark.write(Nodes(context, node.name), inputs)
        for output, result, shape, dtype in zip(outputs, made, mark.shapes, dtypes, strict=True):
            context.make_node(
                "Identity",
                [result],
                name=f"{output.replace(':', '_')}/given",
                outputs=[output],
                shapes=[list(shape)],
                dtypes=[dtype],
            )

    @contextlib.contextmanager
    def tracing(self, replacements: Sequence["Replacement"]) -> Iterator[None]:
        """While it lasts, the functions that are named put down marks.

        What TensorFlow would compile with XLA is traced as it stands: grouped convolutions are,
        and would otherwise stay calls that nobody can look into.
        """
        with self.replaced(replacements), contextlib.ExitStack() as stack:
            eager = tf.config.functions_run_eagerly()
            stack.callback(tf.config.run_functions_eagerly, eager)
            tf.config.run_functions_eagerly(True)
            yield

    @contextlib.contextmanager
    def replaced(self, replacements: Sequence["Replacement"]) -> Iterator[None]:
        """While it lasts, others take the place of the functions that are named."""
        with TRACED, contextlib.ExitStack() as stack:
            for one in replacements:
                original = one.owner.__dict__.get(one.name)
                if original is None:  # of another Keras: it then goes the common way
                    continue
                setattr(one.owner, one.name, one.make(self, original))
                stack.callback(setattr, one.owner, one.name, original)
            yield


@dataclass(frozen=True)
class Replacement:
    """A function of Keras or TensorFlow that another takes the place of.

    Attributes:
        owner, name: the module or class that has it, and its name there.
        make: told the marks and the original, returns the other.
    """

    owner: Any
    name: str
    make: Callable[[Marks, Callable[..., Any]], Callable[..., Any]]
