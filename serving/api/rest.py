"""TF Serving's REST API: predict, classify, regress, status and metadata; and streams of text."""

from collections.abc import Mapping, Sequence

import numpy as np

from serving.api import card_json, generation, media, plain_text, rest_paths, status_json
from serving.api.note import Note
from serving.api.reading import read
from serving.api.rest_paths import ModelPath
from serving.api.writing import write
from serving.bundle import Signature, Tensor
from serving.errors import BadInput, BadState, Unsupported
from serving.http1.message import Request, Response
from serving.model import DEFAULT
from serving.running import examples
from serving.running.batching import Arrays, rows_of
from serving.running.catalog import Catalog
from serving.running.texts import Texts
from serving.running.version import Answering, Version
from serving.wire import answer_json, examples_json, predict_json

_APIS = {"predict": "Predict", "classify": "Classify", "regress": "Regress", "stream": "Stream"}


class RestAPI:
    """Answers requests under `/v1/`."""

    def __init__(self, catalog: Catalog, texts: Texts, *, timeout_seconds: float) -> None:
        """Answers from `catalog`; what has not begun in time is not computed."""
        self._catalog, self._texts, self._timeout = catalog, texts, timeout_seconds

    async def answer(self, request: Request, note: Note) -> Response:
        """Answers one request.

        Raises:
            ServingError: it cannot be answered.
        """
        if request.method == "OPTIONS":
            return _preflight(request)
        path = rest_paths.parse(request.method, request.target)
        note.api = _APIS.get(path.action, "")
        if path.action in ("status", "metadata", "card"):
            return self._about(path)
        if path.action == "predict":
            return await self._predict(path, request, note)
        if path.action == "stream":
            version = self._catalog.find(path.model, path.version, path.label)
            note.model, note.version = version.name, version.number
            return await generation.answer(self._texts, version, request, note)
        return await self._examine(path, request, note)

    def _about(self, path: ModelPath) -> Response:
        if not path.model:
            raise BadInput("Missing model name in request.")
        if path.action != "status":
            version = self._catalog.find(path.model, path.version, path.label)
            about = card_json.card if path.action == "card" else status_json.metadata
            return Response(body=about(version))
        found = self._catalog.statuses(path.model, path.version, path.label)
        return Response(body=status_json.statuses(found))

    async def _predict_media(self, path: ModelPath, request: Request, note: Note) -> Response:
        """Answers a picture, or a text, with what people read."""
        version = self._catalog.find(path.model, path.version, path.label)
        note.model, note.version, note.rows = version.name, version.number, 1
        is_text = plain_text.is_text(request)
        answering = plain_text.answering(version) if is_text else _answering(version, "")
        note.signature = answering.signature.name
        answering.admit()
        if is_text:
            inputs = plain_text.inputs_of(answering.signature, request.body)
        else:
            inputs = await media.inputs_of(answering.signature, request.body)
        outputs = await answering.answer(inputs, request.began + self._timeout)
        response = await _as_asked(request, answering.signature, outputs)
        return response or media.readable(answering.signature, outputs)

    async def _predict(self, path: ModelPath, request: Request, note: Note) -> Response:
        if media.is_picture(request) or plain_text.is_text(request):
            return await self._predict_media(path, request, note)
        found: list[Answering] = []

        def find_inputs(signature: str) -> Sequence[Tensor]:
            version = self._catalog.find(path.model, path.version, path.label)
            answering = _answering(version, signature)
            found[:] = [answering]
            note.model, note.version = version.name, version.number
            note.signature = answering.signature.name
            answering.admit()
            return answering.signature.inputs

        parsed = predict_json.parse_shortly(request.body, find_inputs)
        if parsed is None:
            parsed = await read(
                lambda body: predict_json.parse_at_length(body, find_inputs), request.body
            )
        (answering,) = found
        inputs = _with_zero_rows(answering.signature.inputs, parsed.inputs)
        note.rows = rows_of(inputs)
        outputs = await answering.answer(inputs, request.began + self._timeout)
        form = answer_json.predictions if parsed.is_row else answer_json.outputs
        response = await _as_asked(request, answering.signature, outputs)
        return response or Response(body=await write(form, outputs))

    async def _examine(self, path: ModelPath, request: Request, note: Note) -> Response:
        """Classifies or regresses examples."""
        parsed = await read(examples_json.parse, request.body)
        version = self._catalog.find(path.model, path.version, path.label)
        note.model, note.version = version.name, version.number
        is_classify = path.action == "classify"
        find = examples.classifying if is_classify else examples.regressing
        answering = find(version, parsed.signature)
        note.signature, note.rows = answering.signature.name, len(parsed.examples)
        deadline = request.began + self._timeout
        outputs = await examples.answer(answering, parsed.examples, deadline)
        form = _classes if is_classify else _values
        count = len(parsed.examples)
        return Response(body=await write(lambda found: form(found, count), outputs))


def _classes(outputs: Arrays, count: int) -> bytes:
    return answer_json.classifications(examples.classes_of(outputs, count))


def _values(outputs: Arrays, count: int) -> bytes:
    return answer_json.regressions(examples.values_of(outputs, count))


async def _as_asked(request: Request, signature: Signature, outputs: Arrays) -> Response | None:
    """Answers with a picture or a text where that is what the request accepts."""
    if media.wants_picture(request):
        return await media.picture(signature, outputs)
    return plain_text.answer(signature, outputs) if plain_text.wants_text(request) else None


def _answering(version: Version, signature: str) -> Answering:
    answering = version.answering(signature)
    if answering is not None:
        return answering
    name = signature or DEFAULT
    if name in version.signature_defs:
        raise Unsupported(f"signature {name} of {version.name} is in the SavedModel alone")
    raise BadInput(f'Serving signature name: "{name}" not found in signature def')


def _with_zero_rows(
    tensors: Sequence[Tensor], inputs: Mapping[str, np.ndarray]
) -> Mapping[str, np.ndarray]:
    """Gives an empty list the axes that JSON cannot write for it."""
    if not any(array.shape == (0,) for array in inputs.values()):
        return inputs
    shapes = {
        tensor.name: (0, *(d if isinstance(d, int) else 0 for d in tensor.shape[1:]))
        for tensor in tensors
        if tensor.shape[:1] == ("batch",)
    }
    return {
        name: array.reshape(shapes[name]) if array.shape == (0,) and name in shapes else array
        for name, array in inputs.items()
    }


def _preflight(request: Request) -> Response:
    origin = request.headers.get("origin", "")
    if "http://" not in origin and "https://" not in origin:
        raise BadState("Origin header is missing in CORS preflight")
    return Response()
