"""Which values a model's layers know: inputs are drawn from them, and from what they do not know.

Numbers drawn blindly miss a table of ids from 1000 on, and no blind string is in a vocabulary: a
proof on them would test the one entry for everything unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

UNKNOWN_SHARE = 0.25
"""How much of what is drawn a layer does not know, where it takes that too."""
WORDS = ("", "a", "Ünknown", "never seen before", "🙂", "The end!", "0", "-", "x" * 300)
"""Strings that hardly any vocabulary has."""
MOST_EXACT = 2**24
"""Up to here float32 holds every integer."""
PIXELS = 256
SENTENCES = 64
LONGEST_SENTENCE = 12


@dataclass(frozen=True)
class Known:
    """What an input is drawn from.

    Attributes:
        inside: the values that a layer knows: a range, or an array of numbers or bytes.
        outside: values that it does not, and takes all the same; may be none.
    """

    inside: range | np.ndarray
    outside: np.ndarray

    def drawn(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        """Draws an array of values."""
        chosen = random.integers(0, len(self.inside), shape)
        if not isinstance(self.inside, range):
            chosen = np.asarray(self.inside)[chosen]
        if not len(self.outside):
            return chosen
        others = self.outside[random.integers(0, len(self.outside), shape)]
        return np.where(random.random(shape) < UNKNOWN_SHARE, others, chosen)

    def fitting(self, dtype: np.dtype) -> "Known":
        """Returns what of it can be held by a type."""
        if dtype.kind not in "iuf":
            return self
        least, most = (-MOST_EXACT, MOST_EXACT) if dtype.kind == "f" else _limits(dtype)
        inside = self.inside
        if isinstance(inside, range):
            inside = range(min(len(inside), most))
        else:
            inside = inside[(inside >= least) & (inside <= most)]
        outside = self.outside[(self.outside >= least) & (self.outside <= most)]
        return Known(inside, outside)


def _limits(dtype: np.dtype) -> tuple[int, int]:
    held = np.iinfo(dtype)
    return int(held.min), int(held.max)


NOTHING = np.zeros(0, np.int64)


def ids(size: int) -> Known:
    """Returns ids below a size, and no others: Keras refuses them."""
    return Known(range(size), NOTHING)


def of_all(layers: Iterable[keras.Operation], *, strings: bool) -> Known | None:
    """Returns what an input that these layers take is drawn from; None where none of them says.

    Args:
        layers: sizes come before tables, for what is beyond a size is refused.
        strings: whether the input is of strings, else it is of numbers.
    """
    found = [one for layer in layers if (one := _of_layer(layer, strings=strings))]
    sizes = [one for one in found if isinstance(one.inside, range) and not len(one.outside)]
    if sizes:
        return min(sizes, key=lambda one: len(one.inside))
    return found[0] if found else None


def size_of(layer: keras.Operation) -> int | None:
    """Returns below what the ids must be that a layer takes; None where it takes any."""
    size = getattr(layer, "input_dim", None) or getattr(layer, "num_tokens", None)
    return int(size) if size else None


def words() -> Known:
    """Returns strings of all sorts."""
    return Known(_strings(WORDS), _strings([]))


def _of_layer(layer: keras.Operation, *, strings: bool) -> Known | None:
    if isinstance(layer, keras.layers.Hashing | keras.layers.HashedCrossing):
        return words() if strings else Known(_numbers_of_all_sizes(), NOTHING)
    if isinstance(layer, keras.layers.TextVectorization):
        return _sentences(layer) if strings else None
    if isinstance(layer, keras.layers.StringLookup | keras.layers.IntegerLookup):
        return _of_table(layer, strings=strings)
    if isinstance(layer, keras.layers.Rescaling) and not strings:
        return _rescaled(layer)
    if isinstance(layer, keras.layers.Normalization) and not strings:
        return _normalized(layer)
    if isinstance(layer, keras.layers.Discretization) and not strings:
        return _around(layer.bin_boundaries)
    size = size_of(layer)
    return ids(size) if size and not strings else None


def _of_table(layer: keras.layers.IntegerLookup, *, strings: bool) -> Known | None:
    if layer.invert:
        size = len(layer.get_vocabulary())
        return None if strings else Known(range(max(size, 1)), np.array([-1, size, size + 7]))
    if strings != isinstance(layer, keras.layers.StringLookup):
        return None
    known = list(layer.get_vocabulary(include_special_tokens=False))
    if layer.mask_token is not None:
        known.append(layer.mask_token)
    if strings:
        inside, unknown = _strings(known), _strings(w for w in WORDS if w not in known)
    else:
        inside = np.array(known, np.int64)
        around = {0, -1, min(known, default=0) - 1, max(known, default=0) + 1, 10**9}
        unknown = np.array(sorted(around - set(known)), np.int64)
    if not layer.num_oov_indices:
        return Known(inside, unknown[:0]) if len(inside) else None
    return Known(inside if len(inside) else unknown, unknown)


def _sentences(layer: keras.layers.TextVectorization) -> Known:
    """Texts of words that the vocabulary has, and others with words that it has not."""
    known = layer.get_vocabulary(include_special_tokens=False) or list(WORDS)
    split = layer.get_config()["split"]
    if split is None:
        return Known(_strings(known), _strings(WORDS))
    between = "" if split == "character" else " "
    random = np.random.default_rng(0)

    def written(vocabulary: Sequence[str]) -> np.ndarray:
        counts = random.integers(1, LONGEST_SENTENCE + 1, SENTENCES)
        return _strings(between.join(random.choice(vocabulary, count)) for count in counts)

    strange = [*(word.upper() for word in known), *WORDS]
    return Known(written(known), np.concatenate([written(strange), _strings(WORDS)]))


def _around(boundaries: Sequence[float]) -> Known | None:
    """Numbers on boundaries, between them, and beyond."""
    if not len(boundaries):
        return None
    own = np.sort(np.asarray(boundaries, np.float64))
    between = (own[1:] + own[:-1]) / 2
    return Known(np.concatenate([own[:1] - 1, own, between, own[-1:] + 1]), np.zeros(0))


def _rescaled(layer: keras.layers.Rescaling) -> Known | None:
    """Numbers that become those between -1, or 0, and 1: pixels, mostly."""
    if np.size(layer.scale) != 1 or np.size(layer.offset) != 1 or not np.all(layer.scale):
        return None
    scale, offset = np.float64(layer.scale), np.float64(layer.offset)
    least = -1.0 if offset else 0.0
    return Known((np.linspace(least, 1.0, PIXELS) - offset) / scale, np.zeros(0))


def _normalized(layer: keras.layers.Normalization) -> Known | None:
    """Numbers around the means that the layer has seen, of all features together."""
    if layer.invert or layer.mean is None:
        return None
    means, variances = (np.asarray(one, np.float64).ravel() for one in (layer.mean, layer.variance))
    around = np.linspace(-2.0, 2.0, PIXELS)[:, np.newaxis]
    return Known((means + around * np.sqrt(variances)).ravel(), np.zeros(0))


def _numbers_of_all_sizes() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(-(10**9), 10**9, 256) >> random.integers(0, 30, 256)


def _strings(values: Iterable[str]) -> np.ndarray:
    """Bytes as TensorFlow gives them, in an array of objects, which keeps trailing zeros."""
    encoded = [value.encode() for value in values]
    array = np.empty(len(encoded), object)
    array[:] = encoded
    return array
