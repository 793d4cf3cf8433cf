"""`tensorflow.serving.PredictionService`: predict, classify, regress, several at once, metadata."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.api import status_json
from serving.api.note import Note
from serving.errors import BadInput, BadState, Unsupported
from serving.model import DEFAULT
from serving.rpc.model_spec import fill, find
from serving.running import examples
from serving.running.batching import rows_of
from serving.running.catalog import Catalog
from serving.running.version import Answering, Version
from serving.wire import large_tensors, tensor_proto
from serving.wire.large_tensors import PredictRequest
from serving.wire.messages import serving

NAME = "tensorflow.serving.PredictionService"
METADATA_FIELD = "signature_def"
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


class PredictionService:
    """Answers from a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        """Answers from `catalog`."""
        self._catalog = catalog
        self.methods = {
            "Predict": self.predict,
            "Classify": self.classify,
            "Regress": self.regress,
            "MultiInference": self.multi_inference,
            "GetModelMetadata": self.get_model_metadata,
        }
        self.readers = {"Predict": large_tensors.read}

    async def predict(self, request: PredictRequest, note: Note, deadline: float) -> Any:
        """Computes a signature's outputs, all of them or those of `output_filter`."""
        note.api, given = "Predict", request.message
        version = self._version(given, note)
        answering = _answering(version, given.model_spec.signature_name)
        note.signature = answering.signature.name
        answering.admit()
        inputs = _inputs(answering, given.inputs, request.contents)
        wanted = _filtered(answering, list(given.output_filter))
        note.rows = rows_of(inputs)
        outputs = await answering.answer(inputs, deadline)
        response = serving("PredictResponse")()
        fill(response.model_spec, version, answering.signature.name)
        for name in wanted or outputs:
            tensor_proto.to_proto(outputs[name], response.outputs[name])
        return response

    async def classify(self, request: Any, note: Note, deadline: float) -> Any:
        """Gives labels and scores for examples."""
        note.api = "Classify"
        version = self._version(request, note)
        name = request.model_spec.signature_name
        answering = examples.classifying(version, name)
        response = serving("ClassificationResponse")()
        fill(response.model_spec, version, name or DEFAULT)
        serialized = _examples(request.input)
        outputs = await self._examine(answering, serialized, note, deadline)
        _add_classes(response.result, outputs, len(serialized))
        return response

    async def regress(self, request: Any, note: Note, deadline: float) -> Any:
        """Gives a number for every example."""
        note.api = "Regress"
        version = self._version(request, note)
        name = request.model_spec.signature_name
        answering = examples.regressing(version, name)
        response = serving("RegressionResponse")()
        fill(response.model_spec, version, name or DEFAULT)
        serialized = _examples(request.input)
        outputs = await self._examine(answering, serialized, note, deadline)
        _add_values(response.result, outputs, len(serialized))
        return response

    async def multi_inference(self, request: Any, note: Note, deadline: float) -> Any:
        """Classifies and regresses the same examples with several signatures of one model."""
        note.api = "MultiInference"
        tasks = _tasks(request)
        response = serving("MultiInferenceResponse")()
        if not tasks:
            raise BadInput("Input is empty.")
        version = self._catalog.find(*find(tasks[0].model_spec))
        note.model, note.version = version.name, version.number
        answering = [_task_answering(version, task) for task in tasks]
        serialized = _examples(request.input)
        for task, one in zip(tasks, answering, strict=True):
            outputs = await self._examine(one, serialized, note, deadline)
            result = response.results.add()
            fill(result.model_spec, version, task.model_spec.signature_name)
            if task.method_name == CLASSIFY:
                _add_classes(result.classification_result, outputs, len(serialized))
            else:
                _add_values(result.regression_result, outputs, len(serialized))
        return response

    async def get_model_metadata(self, request: Any, note: Note, deadline: float) -> Any:
        """Tells every signature of a version."""
        if not request.HasField("model_spec"):
            raise BadInput("Missing ModelSpec")
        if not request.metadata_field:
            raise BadInput("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != METADATA_FIELD:
                raise BadInput(f"Metadata field {field} is not supported")
        version = self._catalog.find(*find(request.model_spec))
        response = serving("GetModelMetadataResponse")()
        fill(response.model_spec, version, "")
        response.metadata[METADATA_FIELD].Pack(status_json.signature_defs(version))
        return response

    def _version(self, request: Any, note: Note) -> Version:
        if not request.HasField("model_spec"):
            raise BadInput("Missing ModelSpec")
        version = self._catalog.find(*find(request.model_spec))
        note.model, note.version = version.name, version.number
        return version

    async def _examine(
        self, answering: Answering, serialized: list[bytes], note: Note, deadline: float
    ) -> Mapping[str, np.ndarray]:
        note.signature, note.rows = answering.signature.name, len(serialized)
        return await examples.answer(answering, serialized, deadline)


def _answering(version: Version, signature: str) -> Answering:
    answering = version.answering(signature)
    if answering is not None:
        return answering
    name = signature or DEFAULT
    if name in version.signature_defs:
        raise Unsupported(f"signature {name} of {version.name} is in the SavedModel alone")
    raise BadState(f'Serving signature key "{name}" not found.')


def _inputs(
    answering: Answering, given: Mapping[str, Any], contents: Mapping[str, memoryview]
) -> dict[str, np.ndarray]:
    expected = sorted(tensor.name for tensor in answering.signature.inputs)
    sent = sorted(given)
    if sent != expected:
        extra = ",".join(name for name in sent if name not in expected)
        missing = ",".join(name for name in expected if name not in sent)
        raise BadInput(
            f"input size does not match signature: {len(sent)}!={len(expected)} "
            f"len({{{','.join(sent)}}}) != len({{{','.join(expected)}}}). "
            f"Sent extra: {{{extra}}}. Missing but required: {{{missing}}}."
        )
    return {name: tensor_proto.to_array(name, given[name], contents.get(name)) for name in expected}


def _filtered(answering: Answering, wanted: list[str]) -> list[str]:
    names = [tensor.name for tensor in answering.signature.outputs]
    for place, name in enumerate(wanted):
        if name not in names:
            raise BadInput(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {{{','.join(sorted(names))}}}."
            )
        if name in wanted[:place]:
            raise BadInput(f"duplicate output tensor alias: {name}")
    return wanted


def _examples(given: Any) -> list[bytes]:
    """Serializes examples, each with the context that it shares before it."""
    kind = given.WhichOneof("kind")
    if kind is None:
        raise BadInput("Input is empty.")
    found = getattr(given, kind)
    context = b""
    if kind == "example_list_with_context":
        context = found.context.SerializeToString()
    return [context + example.SerializeToString() for example in found.examples]


def _tasks(request: Any) -> list[Any]:
    tasks = list(request.tasks)
    seen: set[str] = set()
    for task in tasks:
        if not task.model_spec.name:
            raise BadInput("Found ModelSpec with an empty model name.")
        if task.model_spec.name != tasks[0].model_spec.name:
            raise BadInput(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        signature = task.model_spec.signature_name or DEFAULT
        if signature in seen:
            raise BadInput(f"Duplicate evaluation of signature: {signature}")
        seen.add(signature)
    return tasks


def _task_answering(version: Version, task: Any) -> Answering:
    signature = task.model_spec.signature_name
    if (signature or DEFAULT) not in version.signature_defs:
        raise BadInput(f"Requested signature not found in model graph: {signature or DEFAULT}")
    if task.method_name == CLASSIFY:
        return examples.classifying(version, signature)
    if task.method_name == REGRESS:
        return examples.regressing(version, signature)
    raise Unsupported(f"Unsupported signature method_name: {task.method_name}")


def _add_classes(result: Any, outputs: Mapping[str, np.ndarray], count: int) -> None:
    for pairs in examples.classes_of(outputs, count):
        classes = result.classifications.add()
        for label, score in pairs:
            classes.classes.add(label=label, score=float(score))


def _add_values(result: Any, outputs: Mapping[str, np.ndarray], count: int) -> None:
    for value in examples.values_of(outputs, count).tolist():
        result.regressions.add(value=value)
