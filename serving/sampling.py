"""From logits to a token, in NumPy: what `keras_models/sampling.py` does in a graph.

Source: top-k: Fan et al. 2018, arXiv 1805.04833; top-p: Holtzman et al. 2019, arXiv 1904.09751.
"""

import numpy as np


def sample(
    logits: np.ndarray, uniform: np.ndarray, temperature: float, top_k: int, top_p: float
) -> np.ndarray:
    """Chooses a token in each row.

    Args:
        logits: float32 [batch, vocabulary].
        uniform: float32 [batch], in [0, 1).
        temperature: divides the logits; 0 takes the likeliest token.
        top_k: how many of the likeliest are left; 0 for all.
        top_p: in [0, 1]: only the likeliest that make up this share of the probability are left,
            and never fewer than one.

    Returns:
        int32 [batch].
    """
    if temperature <= 0:
        return np.asarray(logits.argmax(axis=-1), np.int32)
    tokens = np.argsort(-logits, axis=-1, kind="stable")
    ordered = np.take_along_axis(logits, tokens, axis=-1)
    weights = np.exp((ordered - ordered[:, :1]) / np.float32(temperature))
    if top_k:
        weights[:, top_k:] = 0
    reached = np.cumsum(weights, axis=-1)
    if top_p < 1:
        leaves = reached - weights >= np.float32(top_p) * reached[:, -1:]
        leaves[:, 0] = False
        weights[leaves] = 0
        reached = np.cumsum(weights, axis=-1)
    passed = np.sum(reached <= uniform[:, np.newaxis] * reached[:, -1:], axis=-1)
    place = np.minimum(passed, np.sum(weights > 0, axis=-1) - 1)
    chosen = np.take_along_axis(tokens, place[:, np.newaxis], axis=-1)
    return np.asarray(chosen[:, 0], np.int32)
