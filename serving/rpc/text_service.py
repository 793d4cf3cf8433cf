"""`keras_serve.TextService`: texts as they are made, and the sessions that REST has too."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from serving.api.note import Note
from serving.errors import BadInput
from serving.rpc.methods import Tell
from serving.rpc.model_spec import find
from serving.running.catalog import Catalog
from serving.running.texts import STEP, TextRequest, Texts
from serving.wire.messages import message

NAME = "keras_serve.TextService"
_SETTINGS = ("prompt", "top_k", "seed", "session_id")
_OPTIONAL = ("length", "temperature", "top_p")


class TextService:
    """Answers from a catalog."""

    def __init__(self, catalog: Catalog, texts: Texts) -> None:
        """Answers from `catalog`, with texts that `texts` begins."""
        self._catalog, self._texts = catalog, texts
        self.methods = {"Generate": self.generate}

    async def generate(self, request: Any, note: Note, tell: Tell) -> AsyncGenerator[Any]:
        """Goes on with a prompt, piece by piece."""
        note.api, note.signature = "Stream", STEP
        if not request.HasField("model_spec"):
            raise BadInput("Missing ModelSpec")
        version = self._catalog.find(*find(request.model_spec))
        note.model, note.version = version.name, version.number
        given = {name: getattr(request, name) for name in _SETTINGS}
        given |= {name: getattr(request, name) for name in _OPTIONAL if request.HasField(name)}
        text = await self._texts.begin(version, TextRequest(**given))
        async with contextlib.aclosing(text.pieces()) as pieces:
            if request.session_id:
                await tell("session", "resumed" if text.is_resumed else "new")
            response = message("keras_serve.GenerateResponse")
            async for piece in pieces:
                yield response(text=piece)
