"""Samples put together to a batch; shorter texts are filled up with padding, which graphs mask."""

from collections.abc import Sequence

import numpy as np

from serving.bundle import Tensor
from serving.characters import PADDING
from serving.errors import BadInput


def together(tensor: Tensor, samples: Sequence[np.ndarray]) -> np.ndarray:
    """Makes one batch; shorter texts are filled up where the signature knows padding.

    Raises:
        BadInput: they differ in length, and it does not.
    """
    longest = max(samples, key=len)
    if all(sample.shape == longest.shape for sample in samples):
        return np.stack(samples)
    if tensor.minimum != PADDING:
        raise BadInput(f"{tensor.name} takes texts of one length in a batch, got several lengths")
    return np.stack(
        [
            np.pad(sample, (0, len(longest) - len(sample)), constant_values=PADDING)
            for sample in samples
        ]
    )
