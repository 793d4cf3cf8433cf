"""Requests that came at the same time are computed together.

While a batch is computed, requests wait; all that wait then go together. So batches grow by
themselves as the load does. A request that comes alone does not wait at all, not even for the
loop's next turn, in which others might join it. Short computations run where they are, on the event
loop, longer ones on a thread of their own, so that the loop goes on reading.

Only requests of one signature whose free dimensions agree are put together, or can be made to agree
(`padding.py`). A request that could only be answered too late is refused at once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from serving.bundle import Signature, Tensor
from serving.errors import DeadlineExceeded, Overloaded, ServingError
from serving.running import timing
from serving.running.limits import Limits
from serving.running.padding import MOST_STRETCH, Padding
from serving.running.timing import Timing
from serving.session import Session

SHORT_SECONDS = 0.001
"""What takes longer than this is handed to a thread, which costs about 0.05 ms."""
LONGEST_BATCH_SECONDS = 0.02
"""No more rows are put together than are computed in this time: a request that comes meanwhile
waits for it."""
NEW_SHARE = 0.2
"""Of a new measurement in the running mean of what a row costs."""
LEAST_ROWS_WAITING = 3
"""Requests may always wait for as many times the time of one row."""

Arrays = Mapping[str, np.ndarray]


class Observer(Protocol):
    """Who is told what was computed, and knows what else there is to do."""

    def is_lone(self) -> bool:
        """Tells whether the request in hand is the only one that has come and is not answered."""

    def ran(self, rows: int, waited_seconds: list[float], seconds: float) -> None:
        """A batch was computed, of requests that had waited."""


@dataclass(eq=False)
class _Waiting:
    inputs: Arrays
    rows: int
    alike: object
    length: int
    deadline: float
    since: float
    timing: Timing | None
    answer: "asyncio.Future[Arrays]"


class Batcher:
    """Computes one signature of one version.

    Attributes:
        signature: what it takes and gives.
        is_batched: its requests can be put together.
        padding: how requests of different lengths are; None for not at all.
    """

    def __init__(self, session: Session, limits: Limits, observer: Observer) -> None:
        """Begins with nothing waiting."""
        self.signature = session.signature
        self.padding: Padding | None = None
        self._session, self._limits, self._observer = session, limits, observer
        self.is_batched = _has_batch_axis(session.signature)
        self._waiting: deque[_Waiting] = deque()
        self._waiting_rows = self._running_rows = 0
        self._is_due = False
        self._thread: ThreadPoolExecutor | None = None
        self._row_seconds = 0.0

    async def answer(self, inputs: Arrays, deadline: float = float("inf")) -> Arrays:
        """Computes the outputs.

        Args:
            inputs: by name.
            deadline: monotonic seconds; what has not begun by then is not computed.

        Raises:
            BadInput: the inputs do not fit.
            Overloaded: too many are waiting.
            DeadlineExceeded: the deadline passed.
        """
        sizes = self._session.check(inputs)
        if 0 in sizes.values():
            return self._session.empty(sizes)
        rows = sizes["batch"] if self.is_batched else 1
        self.admit(rows)
        length = sizes.pop(self.padding.dimension) if self.padding else 0
        free = tuple(sorted((name, size) for name, size in sizes.items() if name != "batch"))
        waiting = _Waiting(
            inputs,
            rows,
            free if self.is_batched else object(),
            length,
            deadline,
            time.monotonic(),
            timing.current.get(),
            asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(waiting)
        self._waiting_rows += rows
        if self._is_free() and self._observer.is_lone():
            self._compute()
        else:
            self._call()
        return await waiting.answer

    def admit(self, rows: int = 1) -> None:
        """Refuses what could only be answered too late; asked before a request is read any further.

        What is refused costs the more, the further it was read, and that is taken from the others.

        Args:
            rows: of the request; where that is not known yet, it has one at least.

        Raises:
            Overloaded: too many are waiting.
        """
        before = self._waiting_rows + self._running_rows
        expected = (before + rows) * self._row_seconds
        allowed = max(self._limits.budget_seconds, LEAST_ROWS_WAITING * self._row_seconds)
        if before and expected > allowed:
            raise Overloaded(
                f"{before} rows of {self._session.signature.name} are waiting, "
                f"{expected * 1000:.0f} ms of work: try again later"
            )

    def expect(self, row_seconds: float) -> None:
        """Takes a first measurement of what a row costs; of several the largest counts."""
        self._row_seconds = max(self._row_seconds, row_seconds)

    def _is_free(self) -> bool:
        """Nothing but the request in hand waits, and nothing is being computed."""
        is_free = len(self._waiting) == 1 and not self._is_due and not self._running_rows
        return is_free and not self._limits.wait_seconds

    def _call(self) -> None:
        """Sees to it that what waits is computed soon."""
        if self._is_due or self._running_rows or not self._waiting:
            return
        self._is_due = True
        loop = asyncio.get_running_loop()
        if self._limits.wait_seconds and self._waiting_rows < self._limits.most_rows:
            loop.call_later(self._limits.wait_seconds, self._compute)
        else:
            loop.call_soon(self._compute)

    def _compute(self) -> None:
        self._is_due = False
        batch = self._take()
        if not batch:
            self._call()
            return
        rows = sum(one.rows for one in batch)
        if 0 < rows * self._row_seconds <= SHORT_SECONDS:
            began = time.monotonic()
            try:
                outputs = self._session.compute(self._together(batch))
            except Exception as error:  # ONNX Runtime raises many types
                self._fail(batch, error)
            else:
                self._finish(batch, outputs, time.monotonic() - began)
            self._call()
        else:
            self._running_rows = rows
            self._thread = self._thread or ThreadPoolExecutor(1, "compute")
            loop = asyncio.get_running_loop()
            self._thread.submit(self._compute_aside, batch, loop)

    def _compute_aside(self, batch: list[_Waiting], loop: asyncio.AbstractEventLoop) -> None:
        began = time.monotonic()
        try:
            outputs = self._session.compute(self._together(batch))
        except Exception as error:  # ONNX Runtime raises many types
            loop.call_soon_threadsafe(self._aside, batch, error, 0.0)
        else:
            loop.call_soon_threadsafe(self._aside, batch, outputs, time.monotonic() - began)

    def _aside(self, batch: list[_Waiting], result: Arrays | Exception, seconds: float) -> None:
        self._running_rows = 0
        if isinstance(result, Exception):
            self._fail(batch, result)
        else:
            self._finish(batch, result, seconds)
        self._call()

    def _take(self) -> list[_Waiting]:
        """Takes what goes together with the request that waits longest."""
        now, rows = time.monotonic(), 0
        most = self._most_rows()
        batch: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        while self._waiting:
            one = self._waiting.popleft()
            if one.answer.done():  # its client has gone
                self._waiting_rows -= one.rows
            elif one.deadline < now:
                self._waiting_rows -= one.rows
                one.answer.set_exception(DeadlineExceeded("no time was left to compute"))
            elif not batch or (_go_together(one, batch[0]) and rows + one.rows <= most):
                batch.append(one)
                rows += one.rows
            else:
                left.append(one)
        self._waiting = left
        self._waiting_rows -= rows
        return batch

    def _most_rows(self) -> int:
        if not self._row_seconds:
            return self._limits.most_rows
        in_time = int(LONGEST_BATCH_SECONDS / self._row_seconds)
        return max(1, min(self._limits.most_rows, in_time))

    def _finish(self, batch: list[_Waiting], outputs: Arrays, seconds: float) -> None:
        rows = sum(one.rows for one in batch)
        share = NEW_SHARE if self._row_seconds else 1.0
        self._row_seconds += share * (seconds / rows - self._row_seconds)
        ended = time.monotonic()
        self._observer.ran(rows, [ended - seconds - one.since for one in batch], seconds)
        start = 0
        for one in batch:
            stop = start + one.rows
            if one.timing is not None:
                one.timing.queued, one.timing.began = one.since, ended - seconds
                one.timing.ended = ended
            if not one.answer.done():
                one.answer.set_result(self._part(one, outputs, start, stop, rows))
            start = stop

    def _part(self, one: _Waiting, outputs: Arrays, start: int, stop: int, rows: int) -> Arrays:
        """Takes the answer of one request out of those of its batch."""
        if stop - start == rows:
            return dict(outputs)
        own = {name: array[start:stop] for name, array in outputs.items()}
        return self.padding.cut(own, one.length) if self.padding else own

    def _together(self, batch: list[_Waiting]) -> Arrays:
        if len(batch) == 1:
            return batch[0].inputs
        rows = [one.inputs for one in batch]
        if self.padding is not None:
            length = max(one.length for one in batch)
            rows = [self.padding.filled(inputs, length) for inputs in rows]
        return {name: np.concatenate([one[name] for one in rows]) for name in rows[0]}

    def _fail(self, batch: list[_Waiting], error: Exception) -> None:
        """Answers a batch that could not be computed; requests of a larger one are tried alone."""
        if len(batch) > 1:
            for one in batch:
                one.alike = object()
            self._waiting.extendleft(reversed(batch))
            self._waiting_rows += sum(one.rows for one in batch)
            return
        failure = ServingError(f"ONNX Runtime could not compute this: {error}")
        if not batch[0].answer.done():
            batch[0].answer.set_exception(failure)


def rows_of(inputs: Arrays) -> int:
    """Returns how many rows inputs have, for what is counted; 1 where nothing has an axis."""
    return max((len(array) for array in inputs.values() if array.ndim), default=1)


def _go_together(one: _Waiting, first: _Waiting) -> bool:
    shorter, longer = sorted((one.length, first.length))
    return one.alike == first.alike and longer <= MOST_STRETCH * shorter


def _has_batch_axis(signature: Signature) -> bool:
    def has(tensor: Tensor) -> bool:
        return tensor.shape[:1] == ("batch",)

    return all(map(has, signature.inputs)) and all(map(has, signature.outputs))
