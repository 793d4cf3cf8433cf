"""Texts as they are made, and sessions that go on with them, whichever protocol asks.

With a session the state stays on the server: the next request with it goes on, on whichever worker,
with the text that one long request would have given.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving import characters
from serving.characters import CHARACTERS
from serving.errors import BadInput, NotFound
from serving.running.version import Version
from serving.sampling import Sampling
from serving.session import Session
from serving.stream import Generation, check

STEP = "step"
STEPS_AT_ONCE = 32
"""Of a prompt, before other requests have their turn."""
LONGEST_ID = 200

Take = Callable[[str], Awaitable[Any]]
Keep = Callable[[str, Any], Awaitable[Any]]
Drop = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class TextRequest:
    """What is wanted.

    Attributes:
        prompt: is read, not repeated.
        length: in tokens.
        temperature, top_k, top_p, seed: as in `Sampling`.
        session_id: under which the state is kept; empty for no session.
    """

    prompt: str = ""
    length: int = 500
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    session_id: str = ""

    @property
    def sampling(self) -> Sampling:
        """How tokens are chosen."""
        return Sampling(
            temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, seed=self.seed
        )


class Texts:
    """Begins texts."""

    def __init__(self, take: Take, keep: Keep, drop: Drop) -> None:
        """Gets and keeps the states of sessions with these."""
        self._take, self._keep, self._drop = take, keep, drop

    async def begin(self, version: Version, wanted: TextRequest) -> "Text":
        """Gets ready to write; a session is in use from here until its text is at its end.

        Raises:
            BadInput: a number is out of its range.
            NotFound: the model makes no texts.
            BadState: another request is using the session.
        """
        session, settings = _step(version)
        vocabulary = settings["vocabulary"]
        check(wanted.length, wanted.sampling, len(vocabulary) + characters.HALF_BYTES)
        if len(wanted.session_id) > LONGEST_ID:
            raise BadInput(f"session_id may have {LONGEST_ID} characters")
        prompt = characters.encode(wanted.prompt, vocabulary)
        beginning = characters.encode(wanted.prompt or settings["empty"], vocabulary)
        if not wanted.session_id:
            return Text(Generation(session), beginning, vocabulary, wanted)
        key = f"{version.name}/{version.number}/{wanted.session_id}"
        kept = await self._take(key)
        if kept is None:
            text = Text(Generation(session), beginning, vocabulary, wanted)
        else:
            generation = Generation(session, place=kept["place"])
            generation.restore(*_restored(kept))
            text = Text(generation, prompt, vocabulary, wanted)
            text.begun, text.is_resumed = kept["begun"], True
        text.keep = lambda state: self._keep(key, state)
        text.drop = lambda: self._drop(key)
        return text


class Text:
    """One text in the making.

    Attributes:
        is_resumed: it goes on with what an earlier request of the session made.
        begun: tokens of a character that is not whole yet.
        keep: keeps the state at the end, None without a session.
        drop: forgets the state of a text that breaks off: how much of it the client has is not
            known.
    """

    def __init__(
        self, generation: Generation, prompt: np.ndarray, vocabulary: Any, wanted: TextRequest
    ) -> None:
        """Begins without a session; `Texts.begin` adds one."""
        self._generation, self._prompt = generation, prompt
        self._vocabulary, self._wanted = vocabulary, wanted
        self.is_resumed = False
        self.begun: list[int] = []
        self.keep: Callable[[Any], Awaitable[Any]] | None = None
        self.drop: Callable[[], None] = lambda: None

    async def pieces(self) -> AsyncGenerator[str]:
        """Reads the prompt and yields characters as they are completed."""
        is_kept = False
        try:
            await self._read()
            reader, sampling = characters.Reader(self._vocabulary), self._wanted.sampling
            for token in self.begun:
                reader.read(token)
            for _ in range(self._wanted.length):
                token = self._generation.next_token(sampling)
                piece = reader.read(token)
                self.begun = [] if reader.is_between_characters else [*self.begun, token]
                if piece:
                    yield piece
                await asyncio.sleep(0)
            if self.keep is not None:
                await self.keep(_kept(self._generation, self.begun))
                is_kept = True
            elif rest := reader.end():
                yield rest
        finally:
            if not is_kept:
                self.drop()

    async def _read(self) -> None:
        for start in range(0, len(self._prompt), STEPS_AT_ONCE):
            self._generation.read(self._prompt[start : start + STEPS_AT_ONCE])
            await asyncio.sleep(0)


def _step(version: Version) -> tuple[Session, Mapping[str, Any]]:
    for signature in version.manifest.signatures:
        codec = signature.inputs[0].codec if signature.inputs else None
        if signature.name == STEP and signature.onnx and codec and codec.name == CHARACTERS:
            return version.model.session(STEP), codec.settings
    raise NotFound(f"{version.name} is no text generator: it has no signature {STEP!r} for text")


def _kept(generation: Generation, begun: list[int]) -> dict[str, Any]:
    return {
        "begun": begun,
        "place": generation.place,
        "logits": _written(generation.logits),
        "states": {name: _written(value) for name, value in generation.states.items()},
    }


def _restored(kept: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    states = {name: _array(text) for name, text in kept["states"].items()}
    return states, _array(kept["logits"])


def _written(array: np.ndarray) -> str:
    return base64.b64encode(array.astype(np.float32).tobytes()).decode()


def _array(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)
