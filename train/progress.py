"""How far a long pass over many files is, for the person who waits."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

THREADS = 8
BLOCK = 64
"""Items that a thread takes at once: a hand-over costs more than to read a file's header."""
BAR_SECONDS = 0.1
LINE_SECONDS = 15.0
"""Where stderr is no terminal a line now and then is enough, and none for a short pass."""


class Progress:
    """Shows on stderr how much is done: one changing line on a terminal, seldom a line elsewhere.

    Args:
        doing: what is being done, as in `decoding images`.
        total: when it is done.
    """

    def __init__(self, doing: str, total: int) -> None:
        self._doing = doing
        self._total = total
        self._done = 0
        self._shown_at = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._is_open = False

    def advance(self, count: int = 1) -> None:
        """Notes that `count` more are done."""
        self._done += count
        pause = BAR_SECONDS if self._is_terminal else LINE_SECONDS
        if time.monotonic() - self._shown_at >= pause:
            self._show()

    def end(self) -> None:
        """Leaves the terminal on a new line."""
        if self._is_open:
            self._show()
            sys.stderr.write("\n")

    def _show(self) -> None:
        text = f"{self._doing}: {self._done:,} of {self._total:,}"
        sys.stderr.write(f"\r{text}" if self._is_terminal else f"{text}\n")
        sys.stderr.flush()
        self._shown_at = time.monotonic()
        self._is_open = self._is_terminal


def in_parallel(work: Callable[[T], R], items: Sequence[T], doing: str) -> Iterator[R]:
    """Yields `work(item)` for each item in order, from several threads, and shows progress.

    Args:
        work: is called on a thread; what it raises is raised here.
        items: of the work.
        doing: what is being done.
    """
    progress = Progress(doing, len(items))
    blocks = [items[start : start + BLOCK] for start in range(0, len(items), BLOCK)]
    with ThreadPoolExecutor(THREADS) as pool:
        for results in pool.map(lambda block: [work(item) for item in block], blocks):
            yield from results
            progress.advance(len(results))
    progress.end()
