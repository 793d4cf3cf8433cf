"""Text as it is made: one token after the other from the `step` signature, its state kept in place.

The same seed gives the text that the `generate` signature gives. Between two tokens nothing is
allocated: two sets of state arrays take turns as what the graph reads and what it writes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from serving import characters, counter_random
from serving.errors import BadInput
from serving.sampling import Sampling
from serving.session import Session, Steps

LONGEST = 1_000_000
"""Tokens of one stream."""
DRAWS = 256
"""Random numbers drawn at once."""


class Generation:
    """A text in the making, which can be put away and gone on with.

    Attributes:
        place: how many tokens were chosen.
        states: by input name, float32 [1, units]; what the model remembers.
        logits: float32 [vocabulary], of the next token.
    """

    def __init__(self, session: Session, *, place: int = 0) -> None:
        """Begins with a state of zeros.

        Raises:
            BadInput: the signature is no step with state.
        """
        self.place = place
        self._steps = Steps(session)
        self._draws: tuple[int, np.ndarray] = (-1, np.zeros(0, np.float32))

    @property
    def states(self) -> Mapping[str, np.ndarray]:
        """Copies of the states as they are."""
        return {name: value.copy() for name, value in self._steps.states.items()}

    @property
    def logits(self) -> np.ndarray:
        """A copy of the next token's logits."""
        return np.array(self._steps.logits)

    def restore(self, states: Mapping[str, np.ndarray], logits: np.ndarray) -> None:
        """Goes on from where another one was."""
        for name, value in self._steps.states.items():
            value[:] = states[name].reshape(value.shape)
        self._steps.logits[:] = logits

    def read(self, tokens: np.ndarray) -> None:
        """Reads a prompt, int32 [tokens]."""
        for token in tokens.tolist():
            self._steps.advance(token)

    def next_token(self, sampling: Sampling) -> int:
        """Chooses the next token, and reads it."""
        token = sampling.choose(self._steps.logits, self._draw(sampling.seed))
        self._steps.advance(token)
        self.place += 1
        return token

    def _draw(self, seed: int) -> np.float32:
        block, within = divmod(self.place, DRAWS)
        if self._draws[0] != block:
            places = np.arange(block * DRAWS, (block + 1) * DRAWS)
            self._draws = block, counter_random.uniform(seed, places, np.array(0))
        drawn: np.float32 = self._draws[1][within]
        return drawn


def stream(
    session: Session, settings: Mapping[str, Any], prompt: str, length: int, sampling: Sampling
) -> Iterator[str]:
    """Goes on with a prompt.

    Args:
        session: of the `step` signature.
        settings: of the codec `characters`.
        prompt: is read, not repeated; an empty one stands for the codec's `empty`.
        length: tokens to make, at most `LONGEST`.
        sampling: how.

    Yields:
        Characters, as they are completed.

    Raises:
        BadInput: a number is out of its range; says which, before anything is yielded.
    """
    check(length, sampling, len(settings["vocabulary"]) + characters.HALF_BYTES)
    tokens = characters.encode(prompt or settings["empty"], settings["vocabulary"])
    return _made(Generation(session), tokens, settings["vocabulary"], length, sampling)


def _made(
    generation: Generation, prompt: np.ndarray, vocabulary: Any, length: int, sampling: Sampling
) -> Iterator[str]:
    generation.read(prompt)
    reader = characters.Reader(vocabulary)
    for _ in range(length):
        piece = reader.read(generation.next_token(sampling))
        if piece:
            yield piece
    rest = reader.end()
    if rest:
        yield rest


def check(length: int, sampling: Sampling, tokens: int) -> None:
    """Refuses numbers out of their range.

    Args:
        length: tokens to make.
        sampling: how.
        tokens: that there are.

    Raises:
        BadInput: says which.
    """
    limits = {
        "length": (length, 1, LONGEST),
        "temperature": (sampling.temperature, 0, 100),
        "top_k": (sampling.top_k, 0, tokens),
        "top_p": (sampling.top_p, 0, 1),
        "seed": (sampling.seed, 0, 2**63 - 1),
    }
    for name, (value, least, most) in limits.items():
        if not least <= value <= most:  # NaN is in no range
            raise BadInput(f"{name} must be between {least} and {most}, got {value}")
