"""What a bundle says of itself: the dataclasses that its manifest is written from and read into.

How they lie in `bundle.json` is said in `bundle_json.py`, what they mean in docs/bundle.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.errors import NotFound

FORMAT = 3
REFERENCE = "reference.npz"

NOT_FINITE = ("NaN", "infinity", "-infinity")
"""Floats that are no numbers; a graph may make of them what Keras does not."""

Shape = tuple[int | str, ...]


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How people read and write a tensor; `serving/codecs.py` knows it by `name`."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A named input or output: NumPy's dtype name, and a length or a name for each axis.

    Attributes:
        minimum, maximum: of an input, the smallest and largest value that is taken; None for any.
        refused: of an input, those of `NOT_FINITE` that are not taken, for the graph does not
            answer to them as Keras does.
    """

    name: str
    dtype: str
    shape: Shape
    codec: Codec | None = None
    minimum: float | None = None
    maximum: float | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """A graph of narrower numbers than Keras computes in, and what they cost.

    Attributes:
        method: of int8 `dynamic`, or `static` where the sizes of activations were measured on
            examples; of others `weights` where only those are narrow, else `everything`.
        figure: what it was held to: `bits per character`, `accuracy`, `agreement`.
        before, after: the figure of the float graph, and of this one.
        most_loss: how much worse it might have been, as a share of `before`.
        error: root-mean-square error against Keras over the golden samples, as a share of the
            standard deviation of Keras' answers; the largest of all outputs.
        numbers: `int8`, `float16` or `bfloat16`.
    """

    method: str
    figure: str
    before: float
    after: float
    most_loss: float
    error: float
    numbers: str = "int8"


@dataclass(frozen=True, kw_only=True)
class Optimized:
    """A graph that ONNX Runtime rewrote, in ONNX's own operators, before it was proven.

    Attributes:
        before, after: how many operators it had, and has.
    """

    before: int
    after: int


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What can be asked.

    Attributes:
        onnx: the graph's file in the bundle, None where it has none.
        shortest: by free dimension, the least length that it computes, where that is above 1.
        tolerance: largest error that it may have, as a share of the spread of Keras' answers.
        quantized: of a graph of narrower numbers, what it is held to instead; None for Keras' own.
        optimized: what ONNX Runtime's optimizer made of the graph; None where it was not asked.
    """

    name: str
    summary: str
    runtimes: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    onnx: str | None = None
    shortest: Mapping[str, int] = field(default_factory=dict)
    tolerance: float = 1e-4
    quantized: Quantized | None = None
    optimized: Optimized | None = None


@dataclass(frozen=True, kw_only=True)
class Edge:
    """What the ONNX graph does at an edge of what a signature takes.

    Attributes:
        signature, case: which: `batch 0`, `tokens: -1`, `x: NaN`.
        outcome: `as Keras`, or what it does instead.
        is_refused: whether serving keeps it from ONNX Runtime.
    """

    signature: str
    case: str
    outcome: str
    is_refused: bool


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How far one output of one runtime was from Keras.

    Attributes:
        runtime: `onnx`, `onnx int8` (or float16, bfloat16) or `savedmodel`.
        signature, output: which.
        largest_absolute_error: over all cases and elements.
        largest_relative_error: the same divided by `spread`, or for invented inputs by the
            largest value that Keras computed for them, where that is larger.
        spread: largest minus smallest value that Keras computed for the real samples.
        decisions, decisions_agreeing: top classes or integers compared, and how many were equal.
        decisions_tied: how many differ where Keras itself tells the two apart by its last bits.
        cases, samples: how many inputs were run, and how many samples they held.
    """

    runtime: str
    signature: str
    output: str
    largest_absolute_error: float
    largest_relative_error: float
    spread: float
    decisions: int
    decisions_agreeing: int
    decisions_tied: int
    cases: int
    samples: int


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """An invented input on which nothing could be proven.

    Attributes:
        signature, case: which: `largest`, `length_1`.
        reason: what Keras itself makes of it.
    """

    signature: str
    case: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class File:
    """Size and hash of a file in the bundle."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All that `bundle.json` says.

    Attributes:
        created: when the model was saved, in local time; the folder says when it was published.
        left_out: of the inputs that a proof invents, those that it could not use.
    """

    name: str
    family: str | None
    created: str
    source: Mapping[str, Any]
    versions: Mapping[str, str]
    signatures: tuple[Signature, ...]
    proof: tuple[Proof, ...]
    files: Mapping[str, File]
    edges: tuple[Edge, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    format: int = FORMAT

    @property
    def tolerances(self) -> dict[str, float]:
        """Every signature's tolerance, by its name."""
        return {signature.name: signature.tolerance for signature in self.signatures}

    @property
    def errors(self) -> dict[str, float]:
        """By the name of a quantized signature, the root-mean-square error that was measured."""
        return {one.name: one.quantized.error for one in self.signatures if one.quantized}

    @property
    def numbers(self) -> dict[str, str]:
        """By the name of a quantized signature, what it computes in."""
        return {one.name: one.quantized.numbers for one in self.signatures if one.quantized}

    def signature(self, name: str) -> Signature:
        """Returns the signature called `name`.

        Raises:
            NotFound: there is none; names those there are.
        """
        for signature in self.signatures:
            if signature.name == name:
                return signature
        known = ", ".join(signature.name for signature in self.signatures)
        raise NotFound(f"{self.name} has no signature {name!r}: it has {known}")
