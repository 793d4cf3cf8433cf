"""An ONNX Runtime session that only ever sees inputs which fit its graph."""

import functools
from collections.abc import Callable, Mapping

import numpy as np
import onnxruntime

from serving.bundle import Signature, Tensor
from serving.errors import BadInput, DamagedBundle
from serving.weights import largest

LARGE_BYTES = 4 * 2**20
"""After inputs of this size ONNX Runtime gives the memory of the run back, which takes time."""


class Session:
    """Runs one signature's graph.

    The graph is loaded from bytes, never from a path: external data, which could name any file
    of the machine, is refused by ONNX Runtime then, unless it is among the bytes that were given.
    """

    def __init__(
        self,
        content: bytes,
        signature: Signature,
        *,
        threads: int = 1,
        weights: Mapping[str, bytes] | None = None,
    ) -> None:
        """Loads a graph whose bytes were checked.

        Args:
            content: the ONNX file.
            signature: what it takes and gives.
            threads: within one operator. One is fastest for small graphs, where handing work
                over costs more than doing it.
            weights: by file name, what the graph has in files of its own; None for nothing.

        Raises:
            DamagedBundle: ONNX Runtime refuses the graph.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if signature.quantized is not None and signature.quantized.method == "dynamic":
            # Weights of GRU and RNN become floats once, when the graph is loaded.
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        try:
            self._constants = _add_weights(options, content, weights or {})
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises many types, some of them not its own
            raise DamagedBundle(
                f"the graph of {signature.name} cannot be loaded: {error}"
            ) from error
        self.signature = signature
        self._outputs = [tensor.name for tensor in signature.outputs]
        self._shrinking = onnxruntime.RunOptions()
        self._shrinking.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Computes the outputs.

        Args:
            inputs: exactly the signature's, each of its dtype and shape.

        Raises:
            BadInput: one is missing, unknown, or does not fit, or is empty where the answer would
                not be; names it, and what was expected.
        """
        sizes = self.check(inputs)
        if 0 in sizes.values():
            return self.empty(sizes)
        return self.compute(inputs)

    def compute(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Computes the outputs of inputs that were checked, none of them empty."""
        size = sum(array.nbytes for array in inputs.values())
        options = self._shrinking if size > LARGE_BYTES else None
        results = self._session.run(self._outputs, dict(inputs), options)
        return dict(zip(self._outputs, results, strict=True))

    def bound(
        self, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
    ) -> onnxruntime.IOBinding:
        """Binds arrays of one row each, which the graph then reads and writes where they are."""
        binding = self._session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
        for name, value in outputs.items():
            binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
        return binding

    def empty(self, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
        """Makes the outputs of empty inputs; some operators of ONNX Runtime 1.32 end the process.

        Raises:
            BadInput: the outputs would not be empty.
        """
        return {tensor.name: _empty(tensor, sizes) for tensor in self.signature.outputs}

    def check(self, inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
        """Returns the length of every free dimension; as the function `check`."""
        return check(self.signature, inputs)


def _add_weights(
    options: onnxruntime.SessionOptions, content: bytes, weights: Mapping[str, bytes]
) -> list[onnxruntime.OrtValue]:
    """Gives a session what its graph has in other files; what is returned must live as long."""
    if not weights:
        return []
    options.add_external_initializers_from_files_in_memory(
        list(weights), list(weights.values()), [len(one) for one in weights.values()]
    )
    arrays = largest(content, weights)
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(one) for one in arrays.values()]
    if values:
        options.add_external_initializers(list(arrays), values)
    for name, value in zip(arrays, values, strict=True):
        options.add_initializer(name, value)  # which the session then uses where it lies
    return [*values]


def check(signature: Signature, inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Holds inputs to a signature; returns the length of every free dimension.

    Raises:
        BadInput: an input is missing, unknown, or does not fit.
    """
    expected = {tensor.name for tensor in signature.inputs}
    if inputs.keys() != expected:
        raise BadInput(
            f"{signature.name} takes {', '.join(sorted(expected))}; "
            f"got {', '.join(sorted(inputs)) or 'nothing'}"
        )
    sizes: dict[str, int] = {}
    for tensor in signature.inputs:
        _check_tensor(tensor, inputs[tensor.name], sizes)
    for dimension, least in signature.shortest.items():
        if 0 < sizes[dimension] < least:
            raise BadInput(f"{dimension} must be at least {least}, got {sizes[dimension]}")
    return sizes


NEXT = "next_"
"""Begins the name of an output that is the next value of an input with state."""


class Steps:
    """A signature with state, run again and again for one row, in arrays that are bound once.

    Two sets of arrays take turns as what is read and what is written.

    Attributes:
        logits: [vocabulary], after the last step.
        states: by input name, [1, units], after the last step.
    """

    def __init__(self, session: Session) -> None:
        """Begins with a state of zeros.

        Raises:
            BadInput: the signature takes anything but a token and states that it gives back.
        """
        signature = session.signature
        token, *states = signature.inputs
        kept = {f"{NEXT}{tensor.name}" for tensor in states}
        logits, *others = (t for t in signature.outputs if t.name not in kept)
        given_back = len(states) == len(signature.outputs) - 1
        if others or not given_back or token.shape != ("batch",):
            raise BadInput(f"{signature.name} is no step that gives back the state it takes")
        self._run = session._session.run_with_iobinding
        self._token = np.zeros(1, token.dtype)
        answer = _one_row(logits)
        self.logits = answer[0]
        sets = [{tensor.name: _one_row(tensor) for tensor in states} for _ in range(2)]
        self._bindings = [
            session.bound(
                {token.name: self._token, **before},
                {logits.name: answer, **{f"{NEXT}{n}": value for n, value in after.items()}},
            )
            for before, after in (sets, sets[::-1])
        ]
        self._sets, self._turn = sets, 0

    @property
    def states(self) -> dict[str, np.ndarray]:
        """What the next step reads."""
        return self._sets[self._turn]

    def advance(self, token: int) -> None:
        """Reads a token, which the caller knows to be in the vocabulary."""
        self._token[0] = token
        self._run(self._bindings[self._turn])
        self._turn = 1 - self._turn


def _one_row(tensor: Tensor) -> np.ndarray:
    return np.zeros([1, *(int(length) for length in tensor.shape[1:])], tensor.dtype)


def _check_tensor(tensor: Tensor, value: np.ndarray, sizes: dict[str, int]) -> None:
    if value.dtype != _dtype(tensor.dtype):
        raise BadInput(f"{_wanted(tensor)}, got {value.dtype}")
    if value.ndim != len(tensor.shape):
        raise BadInput(f"{_wanted(tensor)}, got shape {list(value.shape)}")
    for length, dimension in zip(value.shape, tensor.shape, strict=True):
        if length != (
            sizes.setdefault(dimension, length) if isinstance(dimension, str) else dimension
        ):
            raise BadInput(f"{_wanted(tensor)}, got shape {list(value.shape)}")
    if value.size:
        _check_range(tensor, value)
    if tensor.refused and not np.isfinite(value).all():
        _check_finite(tensor, value)


@functools.cache
def _dtype(name: str) -> np.dtype:
    """Returns how arrays of a manifest's dtype are held; making it anew takes longer."""
    return np.dtype(object if name == "string" else name)


def _wanted(tensor: Tensor) -> str:
    return f"{tensor.name} is {tensor.dtype} {_written(tensor)}"


def _check_range(tensor: Tensor, value: np.ndarray) -> None:
    """Written so that NaN, which no comparison is true of, is refused wherever there is a limit."""
    if tensor.minimum is not None and not (least := value.min()) >= tensor.minimum:
        raise BadInput(f"{tensor.name} must be at least {tensor.minimum:.15g}, got {least}")
    if tensor.maximum is not None and not (most := value.max()) <= tensor.maximum:
        raise BadInput(f"{tensor.name} must be at most {tensor.maximum:.15g}, got {most}")


_IS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "NaN": np.isnan,
    "infinity": np.isposinf,
    "-infinity": np.isneginf,
}
"""How each of `bundle.NOT_FINITE` is found."""


def _check_finite(tensor: Tensor, value: np.ndarray) -> None:
    for number in tensor.refused:
        if _IS[number](value).any():
            raise BadInput(
                f"{tensor.name} holds {number}, which is not taken: "
                "the graph would answer otherwise than Keras"
            )


def _written(tensor: Tensor) -> str:
    return f"[{', '.join(map(str, tensor.shape))}]"


def _empty(tensor: Tensor, sizes: Mapping[str, int]) -> np.ndarray:
    shape = [sizes.get(d, 0) if isinstance(d, str) else d for d in tensor.shape]
    if 0 not in shape:  # a sequence of no steps, say, whose last state is asked for
        none = ", ".join(name for name, length in sizes.items() if length == 0)
        raise BadInput(f"{tensor.name} is computed from at least one {none}, got none")
    return np.zeros(shape, tensor.dtype)
