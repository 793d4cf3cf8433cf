"""Writing an answer without holding up everybody else's requests."""

import asyncio
from collections.abc import Callable

import numpy as np

from serving.running.batching import Arrays

LONG_BYTES = 64 * 1024
"""An answer that is about as long as this, or longer, is written on a thread."""
_ELEMENT_BYTES = 8


async def write(make: Callable[[Arrays], bytes], arrays: Arrays) -> bytes:
    """Returns what `make` writes of arrays, on a thread where that takes long."""
    if sum(map(_size, arrays.values())) < LONG_BYTES:
        return make(arrays)
    return await asyncio.get_running_loop().run_in_executor(None, make, arrays)


def _size(array: np.ndarray) -> int:
    """Guesses how long the text of an array is."""
    texts = sum(map(len, array.ravel().tolist())) if array.dtype.kind == "O" else 0
    return array.size * _ELEMENT_BYTES + texts
