"""What a model offers to those who call it: pure functions with named tensors.

A signature is the one description from which the SavedModel's signature, the ONNX graph and the
bundle's manifest are all made, so names, dtypes and shapes cannot drift apart. Free dimensions
carry names (`batch`, `time`), never None: two tensors that share a name share that length.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Shape = tuple[int | str, ...]
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How a tensor is written for people: `image`, `class`, `characters`.

    Attributes:
        name: the codec, as `serving/codecs.py` knows it.
        settings: what it needs to know, as plain JSON values: `{"classes": ["cat", "dog"]}`.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One named input or output.

    Attributes:
        name: its name on every wire and in every file.
        dtype: NumPy's name for its type (`uint8`, `float32`, `int64`), or `string`.
        shape: a length, or the name of a free dimension, for each axis.
        codec: how people read and write it, or None for plain numbers.
        minimum, maximum: of an input, the smallest and the largest value that is taken; None where
            every value is. A server refuses others, and so does the SavedModel.
    """

    name: str
    dtype: str
    shape: Shape
    codec: Codec | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A pure function from named tensors to named tensors.

    Attributes:
        name: `serving_default` or another name that a caller asks for.
        function: called with one TensorFlow tensor per input, by name, returns a dict with one
            tensor per output; traceable by `tf.function`, with no state and no Python effects.
        inputs: in the order in which files list them.
        outputs: in the order in which files list them.
        runtimes: the formats that can express it; string tensors are for the SavedModel alone.
        summary: a sentence for the model card.
        examples: makes this signature's inputs of the run's examples, the first axis the sample;
            None where they are among them, by name.
        cases: makes named inputs to prove it on of those of `serving_default`, where rows of
            `examples` would not do; a name that begins with `real` holds representative ones.
        tolerance: largest error that another runtime may have, as a share of the answers' spread.
        ties: tells, given inputs and outputs, of which integers or strings of an output another
            runtime may choose otherwise, since Keras chose them by the last bits of its arithmetic:
            bool of the output's shape, by name; None where nothing is chosen so.
        resources: lookup tables that the function closes over: a SavedModel keeps what it is told.
    """

    name: str
    function: Callable[..., Mapping[str, Any]]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    runtimes: tuple[str, ...] = ("savedmodel", "onnx")
    summary: str = ""
    examples: Callable[[Arrays], Arrays] | None = None
    cases: Callable[[Arrays], Mapping[str, Arrays]] | None = None
    ties: Callable[[Arrays, Arrays], Arrays] | None = None
    tolerance: float = 1e-4
    resources: Sequence[Any] = ()
