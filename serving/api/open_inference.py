"""The Open Inference Protocol, version 2, over HTTP: what KServe, Triton and their clients speak.

A model there has one signature; here it is `serving_default`, unless the request's parameters name
another as `signature_name`. Tensors come as JSON, flat or nested; the binary extension of Triton is
not spoken.
"""

import json
import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

import numpy as np

from serving import release
from serving.api.note import Note
from serving.api.reading import read
from serving.api.writing import write
from serving.bundle import Tensor
from serving.errors import BadInput, NotFound, Unavailable, Unsupported
from serving.http1.message import Request, Response
from serving.model import DEFAULT
from serving.running.batching import rows_of
from serving.running.catalog import Catalog
from serving.running.states import State
from serving.running.version import Answering, Version
from serving.wire import json_tensor, json_text
from serving.wire.answer_json import elements_of
from serving.wire.datatypes import BY_NAME, BY_OPEN_INFERENCE, of_array

PLATFORM = "onnxruntime_onnx"
SERVER = "keras-models"
EXTENSIONS = ("model_repository",)
_MODEL = re.compile(r"/v2/models/([^/]+)(?:/versions/([0-9]{1,18}))?(?:/(ready|infer))?")


class OpenInferenceAPI:
    """Answers requests under `/v2`."""

    def __init__(self, catalog: Catalog, *, timeout_seconds: float) -> None:
        """Answers from `catalog`; what has not begun in time is not computed."""
        self._catalog, self._timeout = catalog, timeout_seconds

    async def answer(self, request: Request, note: Note) -> Response:
        """Answers one request.

        Raises:
            ServingError: it cannot be answered.
        """
        found = _MODEL.fullmatch(request.path)
        if found is None:
            return self._server(request)
        name, number, action = found.groups()
        wanted = "POST" if action == "infer" else "GET"
        if request.method not in (wanted, "HEAD"):
            raise BadInput(f"{request.path} is asked by {wanted}, not by {request.method}")
        version = self._catalog.find(unquote(name), int(number) if number else None)
        if action == "infer":
            return await self._infer(version, request, note)
        if action == "ready":
            return _written({"name": version.name, "ready": True})
        return _written(self._metadata(version))

    def _server(self, request: Request) -> Response:
        if request.path == "/v2":
            return _written(
                {"name": SERVER, "version": release.version(), "extensions": EXTENSIONS}
            )
        if request.path == "/v2/repository/index":
            return _written(self._index())
        if request.path == "/v2/health/live":
            return _written({"live": True})
        if request.path == "/v2/health/ready":
            if not self._catalog.is_ready:
                raise Unavailable("no model answers yet, or the server is stopping")
            return _written({"ready": True})
        raise NotFound(f"there is nothing at {request.path}")

    def _index(self) -> list[dict[str, str]]:
        """Lists every version of every model, as Triton's repository extension does."""
        return [
            {
                "name": name,
                "version": str(number),
                "state": "READY" if status.state == State.AVAILABLE else "UNAVAILABLE",
                "reason": "" if status.state == State.AVAILABLE else status.state.name,
            }
            for name in self._catalog.names()
            for number, status in self._catalog.statuses(name).items()
        ]

    def _metadata(self, version: Version) -> dict[str, Any]:
        signature = answering(version, DEFAULT).signature
        return {
            "name": version.name,
            "versions": available(self._catalog, version.name),
            "platform": PLATFORM,
            "inputs": list(map(_described, signature.inputs)),
            "outputs": list(map(_described, signature.outputs)),
        }

    async def _infer(self, version: Version, request: Request, note: Note) -> Response:
        note.api, note.model, note.version = "ModelInfer", version.name, version.number
        document, inputs = await read(_document, request.body)
        parameters = _object(document, "parameters")
        found = answering(version, parameters.get("signature_name", DEFAULT))
        note.signature = found.signature.name
        note.rows = rows_of(inputs)
        wanted = _wanted(found, document)
        outputs = await found.answer(inputs, request.began + self._timeout)
        head = {"model_name": version.name, "model_version": str(version.number)}
        if isinstance(document.get("id"), str):
            head["id"] = document["id"]
        told = {name: outputs[name] for name in wanted}
        return Response(body=await write(partial(_answer, head), told))


def answering(version: Version, signature: Any) -> Answering:
    """Returns what answers a signature.

    Raises:
        BadInput: there is none of that name.
    """
    found = version.answering(signature) if isinstance(signature, str) else None
    if found is None:
        raise BadInput(f"{version.name} has no signature {signature!r} that answers here")
    return found


def available(catalog: Catalog, name: str) -> list[str]:
    """Returns the versions of a model that answer, the highest first."""
    statuses = catalog.statuses(name)
    return [str(n) for n, status in statuses.items() if status.state == State.AVAILABLE]


def _document(body: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Reads a request, and the arrays in it."""
    document = json_text.parse(body)
    if not isinstance(document, dict):
        raise BadInput("a request for inference is a JSON object")
    return document, _inputs(document)


def _inputs(document: Mapping[str, Any]) -> dict[str, np.ndarray]:
    given = document.get("inputs")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadInput("`inputs` is a list of tensors: name, shape, datatype, data")
    arrays: dict[str, np.ndarray] = {}
    for one in given:
        name = one.get("name")
        if not isinstance(name, str) or name in arrays:
            raise BadInput(f"an input has no name of its own: {name!r}")
        arrays[name] = _array(name, one)
    return arrays


def _array(name: str, given: Mapping[str, Any]) -> np.ndarray:
    datatype = BY_OPEN_INFERENCE.get(str(given.get("datatype")))
    if datatype is None:
        raise BadInput(f"input {name} is of no datatype: {given.get('datatype')!r}")
    shape, data = given.get("shape"), given.get("data")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise BadInput(f"input {name} has no shape: {shape!r}")
    if not isinstance(data, list):
        raise BadInput(f"input {name} has no data, a list; binary data is not read")
    sent = json_tensor.shape_of(data)
    values = json_tensor.elements(data, sent, datatype.name)
    if len(values) != math.prod(shape) or (len(sent) > 1 and list(sent) != shape):
        raise BadInput(f"input {name} has data of shape {list(sent)}, and says {shape}")
    return json_tensor.array(datatype.name, values, tuple(shape))


def _wanted(answering: Answering, document: Mapping[str, Any]) -> list[str]:
    names = [tensor.name for tensor in answering.signature.outputs]
    asked = document.get("outputs")
    if not asked:
        return names
    if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise BadInput("`outputs` is a list of objects with a name")
    for one in asked:
        if one.get("name") not in names:
            raise BadInput(f"there is no output {one.get('name')!r}: there are {', '.join(names)}")
    return [one["name"] for one in asked]


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise BadInput(f"`{name}` is an object")
    return found


def _answer(head: Mapping[str, str], outputs: Mapping[str, np.ndarray]) -> bytes:
    told = ", ".join(_tensor(name, array) for name, array in outputs.items())
    text = json.dumps(head, ensure_ascii=False)
    return f'{text[:-1]}, "outputs": [{told}]}}'.encode("utf-8", "replace")


def _tensor(name: str, array: np.ndarray) -> str:
    datatype = of_array(array)
    if datatype is None or not datatype.open_inference:
        raise Unsupported(f"output {name} is {array.dtype}, which this protocol has no word for")
    head = {"name": name, "datatype": datatype.open_inference, "shape": list(array.shape)}
    data = ", ".join(elements_of(name, array))
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "data": [{data}]}}'


def _described(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "datatype": BY_NAME[tensor.dtype].open_inference,
        "shape": [length if isinstance(length, int) else -1 for length in tensor.shape],
    }


def _written(content: Any) -> Response:
    return Response(body=json.dumps(content, ensure_ascii=False).encode())
