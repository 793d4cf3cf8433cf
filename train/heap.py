"""The C library's heap, told to keep what it got: for steps that want much memory again and again.

XLA asks for the memory of a whole training step at each call, some hundred megabytes, and glibc
gives it back to the system each time. To have it cleared anew, page by page, then takes a fifth of
the step. Kept, and in pages of 2 MiB, it costs nothing (`python -m benchmarks.recurrence`).
"""

import ctypes
import mmap
import platform

RESERVED_BYTES = 2**30
"""Address space that is marked for large pages; only what is used takes memory."""
_ARENA_MAX, _MMAP_MAX, _TRIM_THRESHOLD = -8, -4, -1  # malloc.h
_HUGE_PAGE = 2 * 2**20


def keep() -> bool:
    """Has this process keep its freed memory, and use large pages for it where Linux has them.

    Returns:
        Whether that could be done: with glibc, on Linux.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    options = {_ARENA_MAX: 1, _MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1}
    if not all(libc.mallopt(option, value) for option, value in options.items()):
        return False
    reserved = libc.malloc(RESERVED_BYTES)
    if not reserved:
        return False
    first = -(-reserved // _HUGE_PAGE) * _HUGE_PAGE
    libc.madvise(first, reserved + RESERVED_BYTES - first, mmap.MADV_HUGEPAGE)
    libc.free(reserved)
    return True
