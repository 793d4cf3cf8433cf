"""Which lengths of its inputs a model computes: any, multiples of something, or only equal ones.

A network that halves an image and joins it with itself again wants lengths that can be halved, and
ids want a mask of their length. Keras does not say so; it is found by asking it for the shapes of
its outputs, of which nothing is computed.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from keras_models.signature import Shape, Tensor

PRIMES = ((61, 67, 71, 73, 79, 83), (89, 97, 101, 103, 107, 109))
"""Two sets of lengths: what follows an input's in both is the input's. Primes, so that no other
length is taken for one of them."""
HALVINGS = 32
"""What lengths of images are multiples of that are halved five times."""
MOST_TIED = 6
"""Of more dimensions it is not asked which of them are equal."""

Infer = Callable[[Mapping[str, int]], Sequence[Shape] | None]
"""Told the length of every free dimension, returns the outputs' shapes; None where it cannot."""


@dataclasses.dataclass(frozen=True)
class Tried:
    """What became of the outputs' shapes with two sets of lengths.

    Attributes:
        names: by free dimension, the name of all that are as long as it.
        lengths: by that name, in each set.
        shapes: of the outputs with each set; nothing where Keras cannot tell.
    """

    names: Mapping[str, str]
    lengths: Sequence[Mapping[str, int]]
    shapes: Sequence[Sequence[Shape]]


def tried(inputs: Sequence[Tensor], infer: Infer) -> Tried:
    """Finds lengths with which a model computes.

    Args:
        inputs: whose free dimensions have names of their own.
        infer: asks the model.
    """
    free = list(dict.fromkeys(d for t in inputs for d in t.shape if isinstance(d, str)))
    for names in _equalities(free, infer):
        groups = list(dict.fromkeys(names.values()))
        for factor in (1, HALVINGS):
            lengths = [
                {g: n if g == "batch" else n * factor for g, n in zip(groups, ls, strict=False)}
                for ls in PRIMES
            ]
            found = [infer({d: own[names[d]] for d in free}) for own in lengths]
            shapes = [one for one in found if one is not None]
            if len(shapes) == len(lengths):
                return Tried(names, lengths, shapes)
    return Tried({d: d for d in free}, [], [])


def renamed(tensor: Tensor, names: Mapping[str, str]) -> Tensor:
    """Returns the tensor with its free dimensions called so."""
    shape = tuple(names[d] if isinstance(d, str) else d for d in tensor.shape)
    return dataclasses.replace(tensor, shape=shape)


def _equalities(free: Sequence[str], infer: Infer) -> Iterator[dict[str, str]]:
    """First that none is equal; then which have to be, so that the model computes."""
    yield {d: d for d in free}
    others = [d for d in free if d != "batch"]
    if not 1 < len(others) <= MOST_TIED:
        return
    for factor in (1, HALVINGS):
        if infer({d: PRIMES[0][0] * factor for d in free}) is None:
            continue
        names, left = {"batch": "batch"}, others
        while left:
            group = next(one for one in _subsets(left) if _computes(one, free, factor, infer))
            names |= {d: _shared(group, others) for d in group}
            left = [d for d in left if d not in group]
        yield {d: names[d] for d in free}


def _subsets(left: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Those with the first in them, the smallest first."""
    for size in range(len(left)):
        for some in itertools.combinations(left[1:], size):
            yield (left[0], *some)


def _computes(group: Sequence[str], free: Sequence[str], factor: int, infer: Infer) -> bool:
    """Tells whether these may have another length than all others; all together may."""
    if len(group) == len(free) - 1:
        return True
    first, second = (one[0] * factor for one in PRIMES)
    return infer({d: second if d in group else first for d in free}) is not None


def _shared(group: Sequence[str], all_of_them: Sequence[str]) -> str:
    """`time`, where `ids_time` and `mask_time` are all that there are."""
    ends = {d.rpartition("_")[2] for d in group}
    alone = [d for d in all_of_them if d.rpartition("_")[2] in ends] == list(group)
    return ends.pop() if len(group) > 1 and alone and len(ends) == 1 else group[0]
