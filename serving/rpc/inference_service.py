"""`inference.GRPCInferenceService`: the Open Inference Protocol v2 over gRPC.

As over HTTP (`api/open_inference.py`), a request means `serving_default` unless its parameters name
another signature as `signature_name`. Outputs come in the form in which the inputs came.
"""

from typing import Any

from serving import release
from serving.api.note import Note
from serving.api.open_inference import EXTENSIONS, PLATFORM, SERVER, answering, available
from serving.bundle import Tensor
from serving.errors import BadInput, NotFound
from serving.model import DEFAULT
from serving.running.batching import rows_of
from serving.running.catalog import Catalog
from serving.running.version import Version
from serving.wire import inference_tensor
from serving.wire.datatypes import BY_NAME
from serving.wire.messages import message

NAME = "inference.GRPCInferenceService"


class InferenceService:
    """Answers from a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        """Answers from `catalog`."""
        self._catalog = catalog
        self.methods = {
            "ServerLive": self.server_live,
            "ServerReady": self.server_ready,
            "ModelReady": self.model_ready,
            "ServerMetadata": self.server_metadata,
            "ModelMetadata": self.model_metadata,
            "ModelInfer": self.model_infer,
        }

    async def server_live(self, request: Any, note: Note, deadline: float) -> Any:
        """Says that it is there."""
        return _inference("ServerLiveResponse")(live=True)

    async def server_ready(self, request: Any, note: Note, deadline: float) -> Any:
        """Tells whether models answer."""
        return _inference("ServerReadyResponse")(ready=self._catalog.is_ready)

    async def model_ready(self, request: Any, note: Note, deadline: float) -> Any:
        """Tells whether a version answers."""
        try:
            self._version(request.name, request.version)
        except NotFound:
            return _inference("ModelReadyResponse")(ready=False)
        return _inference("ModelReadyResponse")(ready=True)

    async def server_metadata(self, request: Any, note: Note, deadline: float) -> Any:
        """Tells what the server is."""
        return _inference("ServerMetadataResponse")(
            name=SERVER, version=release.version(), extensions=EXTENSIONS
        )

    async def model_metadata(self, request: Any, note: Note, deadline: float) -> Any:
        """Tells what the default signature of a version takes and gives."""
        version = self._version(request.name, request.version)
        signature = answering(version, DEFAULT).signature
        response = _inference("ModelMetadataResponse")(
            name=version.name, platform=PLATFORM, versions=available(self._catalog, version.name)
        )
        for tensors, described in (
            (signature.inputs, response.inputs),
            (signature.outputs, response.outputs),
        ):
            for tensor in tensors:
                _describe(tensor, described.add())
        return response

    async def model_infer(self, request: Any, note: Note, deadline: float) -> Any:
        """Computes a signature's outputs, all of them or those that are asked for."""
        note.api = "ModelInfer"
        version = self._version(request.model_name, request.model_version)
        note.model, note.version = version.name, version.number
        parameter = request.parameters.get("signature_name")
        found = answering(version, parameter.string_param if parameter is not None else DEFAULT)
        note.signature = found.signature.name
        found.admit()
        inputs = inference_tensor.to_arrays(request)
        note.rows = rows_of(inputs)
        names = [tensor.name for tensor in found.signature.outputs]
        wanted = [output.name for output in request.outputs] or names
        for name in wanted:
            if name not in names:
                raise BadInput(f"there is no output {name!r}: there are {', '.join(names)}")
        outputs = await found.answer(inputs, deadline)
        response = _inference("ModelInferResponse")(
            model_name=version.name, model_version=str(version.number), id=request.id
        )
        chosen = {name: outputs[name] for name in wanted}
        inference_tensor.fill(response, chosen, as_bytes=bool(request.raw_input_contents))
        return response

    def _version(self, name: str, number: str) -> Version:
        if number and not (number.isascii() and number.isdigit() and len(number) <= 18):
            raise BadInput(f"version {number!r} is no number")
        return self._catalog.find(name, int(number) if number else None)


def _inference(name: str) -> Any:
    return message(f"inference.{name}")


def _describe(tensor: Tensor, described: Any) -> None:
    described.name, described.datatype = tensor.name, BY_NAME[tensor.dtype].open_inference
    described.shape.extend(d if isinstance(d, int) else -1 for d in tensor.shape)
