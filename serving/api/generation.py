"""`POST …:stream`: a text as it is made, as server-sent events, and sessions that go on with it.

Every event is `data: {"text": "…"}`; the last one is `event: done`. With a `session_id` the state
stays on the server: the next request with it goes on, on whichever worker, with the text that one
long request would have given.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving import characters
from serving.api.note import Note
from serving.errors import BadInput, NotFound
from serving.http1.message import Request, Response
from serving.running.version import Version
from serving.sampling import Sampling
from serving.session import Session
from serving.stream import Generation, check
from serving.wire import json_text

EVENTS = "text/event-stream"
STEP = "step"
STEPS_AT_ONCE = 32
"""Of a prompt, before other requests have their turn."""
LONGEST_ID = 200
_TYPES: Mapping[str, tuple[type, ...]] = {
    "prompt": (str,),
    "length": (int,),
    "temperature": (int, float),
    "top_k": (int,),
    "top_p": (int, float),
    "seed": (int,),
    "session_id": (str,),
}
_WORDS = {"prompt": "a string", "session_id": "a string", "temperature": "a number"}

Take = Callable[[str], Awaitable[Any]]
Keep = Callable[[str, Any], Awaitable[Any]]
Drop = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    prompt: str = ""
    length: int = 500
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    session_id: str = ""

    @property
    def sampling(self) -> Sampling:
        return Sampling(
            temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, seed=self.seed
        )


class Streams:
    """Makes texts."""

    def __init__(self, take: Take, keep: Keep, drop: Drop) -> None:
        """Gets and keeps the states of sessions with these."""
        self._take, self._keep, self._drop = take, keep, drop

    async def answer(self, version: Version, request: Request, note: Note) -> Response:
        """Begins to answer.

        Raises:
            BadInput: the request cannot be read, or a number is out of its range.
            NotFound: the model makes no texts.
            BadState: another request is using the session.
        """
        wanted = _parsed(request.body)
        session, settings = _step(version)
        note.signature = STEP
        vocabulary = settings["vocabulary"]
        check(wanted.length, wanted.sampling, len(vocabulary) + characters.HALF_BYTES)
        key = f"{version.name}/{version.number}/{wanted.session_id}" if wanted.session_id else ""
        prompt = characters.encode(wanted.prompt, vocabulary)
        beginning = characters.encode(settings["empty"], vocabulary)
        kept = await self._take(key) if key else None
        generation = Generation(session, place=kept["place"] if kept else 0)
        if kept:
            generation.restore(*_restored(kept))
        tokens = prompt if kept or wanted.prompt else beginning
        begun = kept["begun"] if kept else []
        events = self._events(generation, tokens, begun, vocabulary, wanted, key)
        told = {"Session": "resumed" if kept else "new"} if key else {}
        told["Cache-Control"] = "no-store"
        return Response(body=events, content_type=EVENTS, headers=told)

    async def _events(
        self,
        generation: Generation,
        prompt: np.ndarray,
        begun: list[int],
        vocabulary: Any,
        wanted: _Wanted,
        key: str,
    ) -> AsyncIterator[bytes]:
        """Reads the prompt and makes the text; `begun` is of a character that is not whole."""
        is_kept = False
        try:
            for start in range(0, len(prompt), STEPS_AT_ONCE):
                generation.read(prompt[start : start + STEPS_AT_ONCE])
                await asyncio.sleep(0)
            reader, sampling = characters.Reader(vocabulary), wanted.sampling
            for token in begun:
                reader.read(token)
            for _ in range(wanted.length):
                token = generation.next_token(sampling)
                piece = reader.read(token)
                begun = [] if reader.is_between_characters else [*begun, token]
                if piece:
                    yield _event(text=piece)
                await asyncio.sleep(0)
            if key:
                await self._keep(key, _kept(generation, begun))
                is_kept = True
            elif rest := reader.end():
                yield _event(text=rest)
            yield b"event: done\n" + _event(tokens=wanted.length)
        finally:
            if key and not is_kept:  # broken off: how much of it the client has is not known
                self._drop(key)


def _parsed(body: bytes) -> _Wanted:
    document = json_text.parse(body)
    if not isinstance(document, dict):
        raise BadInput("a request for a text is a JSON object")
    for name, value in document.items():
        if name not in _TYPES:
            raise BadInput(f"unknown member {name!r}: there are {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            what = _WORDS.get(name, "a number" if name == "top_p" else "a whole number")
            raise BadInput(f"{name} must be {what}")
    wanted = _Wanted(**document)
    if len(wanted.session_id) > LONGEST_ID:
        raise BadInput(f"session_id may have {LONGEST_ID} characters")
    return wanted


def _step(version: Version) -> tuple[Session, Mapping[str, Any]]:
    for signature in version.manifest.signatures:
        codec = signature.inputs[0].codec if signature.inputs else None
        if signature.name == STEP and signature.onnx and codec and codec.name == "characters":
            return version.model.session(STEP), codec.settings
    raise NotFound(f"{version.name} is no text generator: it has no signature {STEP!r} for text")


def _event(**content: Any) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"


def _kept(generation: Generation, begun: list[int]) -> dict[str, Any]:
    return {
        "begun": begun,
        "place": generation.place,
        "logits": _written(generation.logits),
        "states": {name: _written(value) for name, value in generation.states.items()},
    }


def _restored(kept: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    states = {name: _read(text) for name, text in kept["states"].items()}
    return states, _read(kept["logits"])


def _written(array: np.ndarray) -> str:
    return base64.b64encode(array.astype(np.float32).tobytes()).decode()


def _read(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)
