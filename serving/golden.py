"""Golden outputs: what Keras computed for known inputs, and how far somebody else is from it.

One comparison serves the export's proof, `keras-verify`, and a server that checks a version
before it answers. The idea to know first: an error is judged against the *spread* of what Keras
computed. 1e-4 is nothing beside probabilities between 0 and 1, and everything beside outputs
that are all alike.
"""

import io
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from serving import rough
from serving.bundle import Proof
from serving.differences import RELATIVE_TOLERANCE, compare, last_bits
from serving.errors import DamagedBundle

SIDES = ("input", "output", "tie")
"""Of a case, in `reference.npz`."""
FLAT = 1e-3
"""Outputs that vary by less than this share of their size prove nothing."""

Arrays = Mapping[str, np.ndarray]
Runner = Callable[[str, Arrays], Arrays]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Inputs of a signature, and what Keras computed for them.

    Attributes:
        signature, name: which; a name that begins with `real` holds real or representative data.
        inputs, outputs: by tensor name.
        ties: by output, True where Keras chose an integer or a string by the last bits of its
            arithmetic, so that either choice is right.
    """

    signature: str
    name: str
    inputs: Arrays
    outputs: Arrays
    ties: Arrays = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A comparison, and what is wrong with it: no faults, no doubt."""

    proofs: tuple[Proof, ...]
    faults: tuple[str, ...]


def to_arrays(cases: Iterable[Case]) -> dict[str, np.ndarray]:
    """Flattens cases into the names that `reference.npz` uses."""
    return {
        f"{case.signature}/{case.name}/{side}/{name}": value
        for case in cases
        for side, tensors in (("input", case.inputs), ("output", case.outputs), ("tie", case.ties))
        for name, value in tensors.items()
    }


def from_bytes(content: bytes, signature: str | None = None) -> list[Case]:
    """Reads the cases back from the bytes of `reference.npz`: all of them, or a signature's.

    Raises:
        DamagedBundle: they are no such file.
    """
    return _cases(content, SIDES, signature)


def inputs_from_bytes(content: bytes) -> list[Case]:
    """Reads the cases without what Keras computed for them, which is most of the file.

    Raises:
        DamagedBundle: they are no such file.
    """
    return _cases(content, ("input",))


def _cases(content: bytes, sides: Container[str], only: str | None = None) -> list[Case]:
    found: dict[tuple[str, str], dict[str, dict[str, np.ndarray]]] = {}
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            for key in arrays.files:
                signature, case, side, name = key.split("/", 3)
                if side in sides and only in (None, signature):
                    one = found.setdefault((signature, case), {s: {} for s in SIDES})
                    one[side][name] = arrays[key]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DamagedBundle(f"the golden outputs cannot be read: {error}") from error
    return [
        Case(
            signature=signature,
            name=name,
            inputs=one["input"],
            outputs=one["output"],
            ties=one["tie"],
        )
        for (signature, name), one in found.items()
    ]


def judge(
    runtime: str,
    cases: Iterable[Case],
    run: Runner,
    tolerances: Mapping[str, float] | None = None,
    errors: Mapping[str, float] | None = None,
    numbers: Mapping[str, str] | None = None,
) -> Verdict:
    """Runs every case and compares with what Keras computed.

    A quantized signature is held to its root-mean-square error over the real samples instead: its
    decisions are counted, and may differ.

    Args:
        runtime: the name that the proof carries.
        cases: of any number of signatures.
        run: called with a signature's name and inputs, returns its outputs.
        tolerances: by signature, the largest error as a share of the spread; None for
            `RELATIVE_TOLERANCE` everywhere.
        errors: by quantized signature, the root-mean-square error that was measured.
        numbers: by quantized signature, what it computes in; None for `int8`.

    Returns:
        A proof for each output, and a sentence for every fault.
    """
    by_signature: dict[str, list[tuple[Case, Arrays]]] = {}
    for case in cases:
        answers = run(case.signature, case.inputs)
        by_signature.setdefault(case.signature, []).append((case, answers))
    proofs, faults = [], []
    for signature, answered in by_signature.items():
        most, narrow = (errors or {}).get(signature), (numbers or {}).get(signature, "int8")
        for output in answered[0][0].outputs:
            tolerance = (tolerances or {}).get(signature, RELATIVE_TOLERANCE)
            if most is not None:
                tolerance = np.inf
            name = runtime if most is None else f"{runtime} {narrow}"
            proof, wrong = _judge_output(name, signature, output, answered, tolerance)
            proofs.append(proof)
            faults.extend(wrong)
        if most is not None:
            pairs = [(c.outputs, answers) for c, answers in answered if c.name.startswith("real")]
            faults.extend(rough.too_far(f"{runtime} {narrow} {signature}", pairs, most))
    return Verdict(proofs=tuple(proofs), faults=tuple(faults))


def spread_of(values: Iterable[np.ndarray]) -> float:
    """Returns largest minus smallest finite value of all arrays; 0 for none, 1 for no numbers."""
    arrays = [np.asarray(value) for value in values]
    if any(array.dtype.kind in "SUOb" for array in arrays):
        return 1.0
    finite = [array[np.isfinite(array)] for array in arrays]
    together = np.concatenate([array.ravel() for array in finite]) if finite else np.zeros(0)
    return float(together.max() - together.min()) if together.size else 0.0


def is_flat(cases: Iterable[Case], output: str) -> bool:
    """Tells whether real samples all get nearly the same answer, which proves nothing.

    Compared is how one sample's answer differs from another's, not one class from another.
    """
    values = [np.asarray(c.outputs[output], np.float64) for c in cases if c.name.startswith("real")]
    rows = [value.reshape(len(value), -1) for value in values if value.ndim and value.size]
    if not rows or len(together := np.concatenate(rows)) < 2:
        return False
    varies = np.ptp(together, axis=0).max(initial=0.0)
    size = np.abs(together).max(initial=0.0)
    return bool(varies <= FLAT * size)


def _judge_output(
    runtime: str,
    signature: str,
    output: str,
    answered: list[tuple[Case, Arrays]],
    tolerance: float,
) -> tuple[Proof, list[str]]:
    where = f"{runtime} {signature} {output}"
    golden = [case.outputs[output] for case, _ in answered if case.name.startswith("real")]
    spread = spread_of(golden or [case.outputs[output] for case, _ in answered])
    largest, relative, decisions, agreeing, tied, faults = 0.0, 0.0, 0, 0, 0, []
    for case, answers in answered:
        expected, actual = case.outputs[output], answers.get(output)
        if (
            actual is None
            or actual.shape != expected.shape
            or not _same_type(actual.dtype, expected.dtype)
        ):
            got = "nothing" if actual is None else f"{actual.dtype} {list(actual.shape)}"
            faults.append(
                f"{where}, case {case.name}: expected {expected.dtype} {list(expected.shape)}, "
                f"got {got}"
            )
            continue
        size = _size(expected)
        # Numbers that are nearly alike may differ by what they are rounded to.
        scale = max(_scale(case, spread, size), size * last_bits(tolerance) / tolerance)
        error, total, equal, ties = compare(
            expected,
            actual,
            np.asarray(case.ties.get(output, False)),
            last_bits(tolerance) * max(scale, size),
        )
        largest, decisions = max(largest, error), decisions + total
        agreeing, tied = agreeing + equal, tied + ties
        share = error / scale if scale else (np.inf if error else 0.0)
        relative = max(relative, share)
        if np.isinf(tolerance):
            if not np.isfinite(error):
                faults.append(f"{where}, case {case.name}: not finite where Keras is, or elsewhere")
            continue
        if equal + ties < total:
            faults.append(
                f"{where}, case {case.name}: {total - equal - ties} of {total} decisions differ"
            )
        if share > tolerance:
            faults.append(
                f"{where}, case {case.name}: largest error {error:.3g} is {share:.3g} of the "
                f"spread {scale:.3g} (at most {tolerance:g} is let pass)"
            )
    return (
        Proof(
            runtime=runtime,
            signature=signature,
            output=output,
            largest_absolute_error=largest,
            largest_relative_error=relative,
            spread=spread,
            decisions=decisions,
            decisions_agreeing=agreeing,
            decisions_tied=tied,
            cases=len(answered),
            samples=sum(_samples(case) for case, _ in answered),
        ),
        faults,
    )


def _scale(case: Case, spread: float, size: float) -> float:
    """What an error is held against: invented inputs may make outputs far larger than real ones."""
    return spread if case.name.startswith("real") else max(spread, size)


def _size(expected: np.ndarray) -> float:
    """The largest number; 0 of what holds no floats."""
    if expected.dtype.kind != "f":
        return 0.0
    return float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))


def _same_type(one: np.dtype, other: np.dtype) -> bool:
    """Strings may differ in how long the longest is."""
    return one.kind == other.kind == "U" or one == other


def _samples(case: Case) -> int:
    first = next(iter(case.inputs.values()))
    return len(first) if first.ndim else 1
