"""All calls of a process, and how many of each kind there may be at the same time.

Those that have not come whole, those that are being answered, and those that only wait for news are
counted apart: however many there are of one kind, the others are answered.
"""

from serving.rpc.call import Call

MOST_COMING = 4000
"""Whose end has not come, dialogues among them; most of them are a few kilobytes."""


class Calls:
    """Of one process.

    Attributes:
        answering: that have come whole, and are not answered.
    """

    def __init__(self, most_answering: int, most_waiting: int) -> None:
        """Begins with none.

        Args:
            most_answering: that are answered at the same time; more are refused.
            most_waiting: that wait for news at the same time; more are refused.
        """
        self.answering = set[Call]()
        self._coming, self._waiting = dict[Call, None](), set[Call]()
        self._most_answering, self._most_waiting = most_answering, most_waiting

    def refusal(self) -> str | None:
        """Says why no further call is answered just now; None where one is."""
        count = len(self.answering)
        return f"{count} calls are being answered" if count >= self._most_answering else None

    def come(self, call: Call) -> None:
        """A call begins to come; the one of too many that has stood still the longest is ended."""
        self._coming[call] = None
        if len(self._coming) > MOST_COMING:
            oldest = next(iter(self._coming))
            oldest.end("RESOURCE_EXHAUSTED", f"{MOST_COMING} calls came after it, or went on")

    def went_on(self, call: Call) -> None:
        """More of a call has come."""
        if call in self._coming:
            self._coming[call] = self._coming.pop(call)

    def came(self, call: Call) -> None:
        """A call has come whole, or is over."""
        self._coming.pop(call, None)

    def answer(self, call: Call) -> None:
        """A call is being answered."""
        self.answering.add(call)

    def wait(self, call: Call) -> bool:
        """Lets a call wait for news; False where too many do."""
        if len(self._waiting) >= self._most_waiting:
            return False
        self._waiting.add(call)
        return True

    def ended(self, call: Call) -> None:
        """A call is answered, or will never be."""
        self._coming.pop(call, None)
        self.answering.discard(call)
        self._waiting.discard(call)

    def stop(self) -> None:
        """Tells those who read messages as they come that no more are read."""
        for call in list(self._coming):
            call.stop()

    def cancel(self) -> None:
        """Ends all that are left."""
        for call in [*self._coming, *self._waiting, *self.answering]:
            if call.task is not None:
                call.task.cancel()
