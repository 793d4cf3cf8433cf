"""From logits to a token, in NumPy: what `keras_models/sampling.py` does in a graph.

Source: top-k: Fan et al. 2018, arXiv 1805.04833; top-p: Holtzman et al. 2019, arXiv 1904.09751.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
        temperature: divides the logits; 0 takes the likeliest token.
        top_k: how many of the likeliest are left, with those as likely as the last; 0 for all.
        top_p: in [0, 1]: only the likeliest that make up this share of the probability are left,
            and never fewer than one.
        seed: the same gives the same tokens.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def choose(self, logits: np.ndarray, uniform: np.float32) -> int:
        """Chooses a token.

        Args:
            logits: float32 [vocabulary].
            uniform: in (0, 1).
        """
        if self.temperature <= 0:
            return int(logits.argmax())
        weights = np.exp((logits - logits.max()) / np.float32(self.temperature))
        if self.top_k or self.top_p < 1:
            weights[weights < self._least_that_stays(weights)] = 0
        reached = weights.cumsum()
        return int(reached.searchsorted(uniform * reached[-1], "right"))

    def _least_that_stays(self, weights: np.ndarray) -> np.float32:
        """The smallest weight that neither top-k nor top-p leaves out."""
        ordered = -np.sort(-weights)[: self.top_k or None]
        if self.top_p < 1:
            reached = ordered.cumsum()
            stays = reached - ordered < np.float32(self.top_p) * reached[-1]
            ordered = ordered[: max(1, np.count_nonzero(stays))]
        least: np.float32 = ordered[-1]
        return least
