"""How the C library keeps memory that was freed, in a process that answers.

A message of some hundred kilobytes is allocated and freed at each step of its way. By default the
kernel may get the memory back each time, and has to clear every page of it anew: hundreds of page
faults for a message of 800 KB, which then takes up to twice as long.
"""

import ctypes

LARGE_BYTES = 4 * 2**20
"""Allocations of this size and more go back to the kernel when they are freed."""
KEPT_BYTES = 16 * 2**20
"""Of smaller ones, at the end of each heap."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Keeps what is soon needed again; does nothing where the C library is not glibc."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, LARGE_BYTES)
        set_option(_TRIM_THRESHOLD, KEPT_BYTES)
