"""Which lengths of its inputs a model computes: any, multiples of something, or only equal ones.

A network that halves an image and joins it with itself again wants lengths that can be halved, and
ids want a mask of their length. Keras does not say so; it is found by asking it for the shapes of
its outputs, of which nothing is computed.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from keras_models.signature import Shape, Tensor

Pair = tuple[Sequence[int], Sequence[int]]
PRIMES = ((61, 67, 71, 73, 79, 83), (89, 97, 101, 103, 107, 109))
"""Two sets of lengths: what follows an input's in both is the input's. Primes, so that no other
length is taken for one of them; the first is the batch's."""
SHORT = ((61, 7, 11, 13, 5, 9), (89, 17, 19, 23, 15, 21))
"""Those of a model that knows no more than some twenty places."""
MULTIPLES = ([one * 32 for one in PRIMES[0]], [one * 32 for one in PRIMES[1]])
"""Those of images that are halved five times."""
MOST_TIED = 6
"""Of more dimensions it is not asked which of them are equal."""

Infer = Callable[[Mapping[str, int]], Sequence[Shape] | None]
"""Told the length of every free dimension, returns the outputs' shapes; None where it cannot."""

Computes = Callable[[Mapping[str, int]], bool]
"""Told the same, tells whether Keras would refuse it."""


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

    def following(self) -> list[list[list[str]]]:
        """For each output, of each of its lengths, the inputs' that it follows."""
        return [
            [
                [
                    name
                    for name in self.lengths[0]
                    if seen == tuple(own[name] for own in self.lengths)
                ]
                for seen in zip(*shapes, strict=True)
            ]
            for shapes in zip(*self.shapes, strict=True)
        ]


def tried(inputs: Sequence[Tensor], infer: Infer, computes: Computes) -> Tried:
    """Finds lengths with which a model computes.

    Args:
        inputs: whose free dimensions have names of their own.
        infer: asks the model, by what its layers say of themselves.
        computes: asks by tracing it, which takes longer.
    """
    free = list(dict.fromkeys(d for t in inputs for d in t.shape if isinstance(d, str)))
    for names in _equalities(free, infer):
        any_length = _with(names, PRIMES, infer) or _with(names, SHORT, infer)
        multiples = _with(names, MULTIPLES, infer)
        if any_length is None or multiples is None:
            found = any_length or multiples
        elif any_length.following() == multiples.following():
            found = any_length
        else:  # layers that join say nothing of what does not fit together
            first = any_length.lengths[0]
            found = any_length if computes({d: first[names[d]] for d in free}) else multiples
        if found is not None:
            return found
    return Tried({d: d for d in free}, [], [])


def _with(names: Mapping[str, str], pair: Pair, infer: Infer) -> Tried | None:
    groups = list(dict.fromkeys(names.values()))
    lengths = [dict(zip(groups, own, strict=False)) for own in pair]
    shapes = []
    for own in lengths:
        found = infer({d: own[group] for d, group in names.items()})
        if found is None:
            return None
        shapes.append(found)
    return Tried(names, lengths, shapes)


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
    for pair in (PRIMES, SHORT, MULTIPLES):
        if infer({d: pair[0][1] for d in free}) is None:
            continue
        names, left = {"batch": "batch"}, others
        while left:
            group = next(one for one in _subsets(left) if _computes(one, free, pair, infer))
            names |= {d: _shared(group, others) for d in group}
            left = [d for d in left if d not in group]
        yield {d: names[d] for d in free}


def _subsets(left: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Those with the first in them, the smallest first."""
    for size in range(len(left)):
        for some in itertools.combinations(left[1:], size):
            yield (left[0], *some)


def _computes(group: Sequence[str], free: Sequence[str], pair: Pair, infer: Infer) -> bool:
    """Tells whether these may have another length than all others; all together may."""
    if len(group) == len(free) - 1:
        return True
    first, second = (own[1] for own in pair)
    return infer({d: second if d in group else first for d in free}) is not None


def _shared(group: Sequence[str], all_of_them: Sequence[str]) -> str:
    """`time`, where `ids_time` and `mask_time` are all that there are."""
    ends = {d.rpartition("_")[2] for d in group}
    alone = [d for d in all_of_them if d.rpartition("_")[2] in ends] == list(group)
    return ends.pop() if len(group) > 1 and alone and len(ends) == 1 else group[0]
