"""`POST …:stream`: a text as it is made, as server-sent events or as plain text.

Every event is `data: {"text": "…"}`; the last one is `event: done`. A body of `text/plain` is the
prompt itself; `Accept: text/plain` asks for nothing but the text.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from serving.api import plain_text
from serving.api.note import Note
from serving.errors import BadInput
from serving.http1.message import Request, Response
from serving.running.texts import STEP, Text, TextRequest, Texts
from serving.running.version import Version
from serving.wire import json_text

EVENTS = "text/event-stream"
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


async def answer(texts: Texts, version: Version, request: Request, note: Note) -> Response:
    """Begins to answer.

    Raises:
        BadInput: the request cannot be read, or a number is out of its range.
        NotFound: the model makes no texts.
        BadState: another request is using the session.
    """
    if plain_text.is_text(request):
        wanted = TextRequest(prompt=plain_text.text_of(request.body))
    else:
        wanted = _parsed(request.body)
    note.signature = STEP
    text = await texts.begin(version, wanted)
    headers = {"Cache-Control": "no-store"}
    if wanted.session_id:
        headers = {"Session": "resumed" if text.is_resumed else "new", **headers}
    if plain_text.wants_text(request):
        return Response(body=_plain(text), content_type=plain_text.TYPE, headers=headers)
    return Response(body=_events(text, wanted.length), content_type=EVENTS, headers=headers)


async def _events(text: Text, length: int) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(text.pieces()) as pieces:
        async for piece in pieces:
            yield _event(text=piece)
    yield b"event: done\n" + _event(tokens=length)


async def _plain(text: Text) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(text.pieces()) as pieces:
        async for piece in pieces:
            yield piece.encode()


def _parsed(body: bytes) -> TextRequest:
    document = json_text.parse(body)
    if not isinstance(document, dict):
        raise BadInput("a request for a text is a JSON object")
    for name, value in document.items():
        if name not in _TYPES:
            raise BadInput(f"unknown member {name!r}: there are {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            what = _WORDS.get(name, "a number" if name == "top_p" else "a whole number")
            raise BadInput(f"{name} must be {what}")
    return TextRequest(**document)


def _event(**content: Any) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"
