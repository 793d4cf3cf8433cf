"""Space for messages, used again and again.

The system clears every page of memory that it gives, which takes as long as a batch of rows does to
compute. So the space of a large message is kept for the next one, unless somebody still has an
array in it, and as long as there are such messages. What is announced and never filled takes none.
"""

import sys

import numpy as np

SMALL_BYTES = 64 * 1024
"""Less than this comes from the heap, which keeps it anyway."""
LARGEST_BYTES = 4 * 2**20
MOST_BUFFERS = 32
_OWN_REFERENCES = 2
"""To a buffer that nobody else has: a variable, and the argument of who counts them."""


class Buffers:
    """Of a process."""

    def __init__(self) -> None:
        """Keeps nothing yet."""
        self._spare: list[np.ndarray] = []
        self._is_used = False

    @property
    def spare_bytes(self) -> int:
        """How much is kept."""
        return sum(len(spare) for spare in self._spare)

    def take(self, size: int) -> memoryview:
        """Returns space for a message of so many bytes."""
        if size < SMALL_BYTES:
            return memoryview(bytearray(size))
        self._is_used = True
        for place, spare in enumerate(self._spare):
            if size <= len(spare):
                return self._spare.pop(place).data[:size]
        return np.empty(_rounded(size), np.uint8).data[:size]

    def rest(self) -> None:
        """Lets go of what was not used since this was called before."""
        if not self._is_used:
            self._spare.clear()
        self._is_used = False

    def give_back(self, space: memoryview) -> None:
        """Takes space back, if nothing else refers to it."""
        buffer = space.obj
        try:
            space.release()
        except BufferError:  # an array is still in it
            return
        if not isinstance(buffer, np.ndarray) or not SMALL_BYTES <= len(buffer) <= LARGEST_BYTES:
            return
        if len(self._spare) < MOST_BUFFERS and sys.getrefcount(buffer) <= _OWN_REFERENCES:
            self._spare.append(buffer)


def _rounded(size: int) -> int:
    """Returns a size that messages which are a little larger have room in too."""
    return size if size > LARGEST_BYTES else 1 << (size - 1).bit_length()
