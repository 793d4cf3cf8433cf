"""Reading a body without holding up everybody else's requests."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

LONG_BYTES = 64 * 1024
"""A body longer than this, whose values become Python's, is read on a thread."""

T = TypeVar("T")


async def read(parse: Callable[[bytes], T], body: bytes) -> T:
    """Returns what `parse` makes of a body, on a thread where that takes long."""
    if len(body) <= LONG_BYTES:
        return parse(body)
    return await asyncio.get_running_loop().run_in_executor(None, parse, body)
