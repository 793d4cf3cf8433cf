"""A live server, ours or TF Serving, as what answers golden inputs: over REST, or over gRPC.

Only clients are needed here, so neither TensorFlow nor ONNX Runtime is loaded. Golden strings are
in hexadecimal (`proof_cases.hex_of`).
"""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import numpy as np

from serving.bundle import Manifest, Tensor
from serving.errors import BadInput, ServingError, Unsupported
from serving.golden import Arrays
from serving.wire import tensor_proto
from serving.wire.messages import serving

SECONDS = 60.0
PREDICT = "/tensorflow.serving.PredictionService/Predict"

Runner = Callable[[str, Arrays], dict[str, np.ndarray]]


def runner(endpoint: str, manifest: Manifest, version: int) -> Runner:
    """Returns what asks a server for one version of a model.

    Args:
        endpoint: `http://host:8501`, or `grpc://host:8500`.
        manifest: of the bundle that it is held to.
        version: of the model.

    Raises:
        BadInput: the endpoint is of another kind.
    """
    if endpoint.startswith(("http://", "https://")):
        return _rest(endpoint.rstrip("/"), manifest, version)
    if endpoint.startswith("grpc://"):
        return _grpc(endpoint.removeprefix("grpc://").rstrip("/"), manifest, version)
    raise BadInput(f"{endpoint} is no endpoint: it is http://host:8501 or grpc://host:8500")


def _rest(base: str, manifest: Manifest, version: int) -> Runner:
    url = f"{base}/v1/models/{quote(manifest.name, safe='')}/versions/{version}:predict"

    def run(signature: str, inputs: Arrays) -> dict[str, np.ndarray]:
        columns = {name: _to_json(array) for name, array in inputs.items()}
        content = json.dumps({"signature_name": signature, "inputs": columns}).encode()
        request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                outputs = json.load(answer)["outputs"]
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(url, error.code, error.read()) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ServingError(f"{url} does not answer as a server of models: {error}") from error
        tensors = manifest.signature(signature).outputs
        named = outputs if len(tensors) > 1 else {tensors[0].name: outputs}
        return {tensor.name: _from_json(tensor, named[tensor.name]) for tensor in tensors}

    return run


def _refused(url: str, status: int, body: bytes) -> ServingError:
    kind = Unsupported if status == 501 else ServingError
    return kind(f"{url} answers {status}: {body[:500].decode('utf-8', 'replace').strip()}")


def _to_json(array: np.ndarray) -> Any:
    if array.dtype.kind != "U":
        return array.tolist()
    return _each(lambda text: {"b64": base64.b64encode(bytes.fromhex(text)).decode()}, array)


def _from_json(tensor: Tensor, value: Any) -> np.ndarray:
    array = np.array(value, object if tensor.dtype == "string" else tensor.dtype)
    return _golden(array)


def _golden(array: np.ndarray) -> np.ndarray:
    """Strings as the golden outputs hold them."""
    if array.dtype != object:
        return array
    return np.array(_each(lambda text: _bytes(text).hex(), array))


def _each(convert: Callable[[Any], Any], array: np.ndarray) -> Any:
    """Returns lists of what every element becomes."""
    return np.frompyfunc(convert, 1, 1)(array.astype(object)).tolist()


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _grpc(address: str, manifest: Manifest, version: int) -> Runner:
    import grpc

    channel = grpc.insecure_channel(
        address, [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    )
    call = channel.unary_unary(PREDICT)

    def run(signature: str, inputs: Arrays) -> dict[str, np.ndarray]:
        request = serving("PredictRequest")()
        request.model_spec.name = manifest.name
        request.model_spec.signature_name = signature
        request.model_spec.version.value = version
        for name, array in inputs.items():
            if array.dtype.kind == "U":
                array = np.array(_each(bytes.fromhex, array), object)
            tensor_proto.to_proto(array, request.inputs[name])
        try:
            content = call(request.SerializeToString(), timeout=SECONDS)
        except grpc.RpcError as error:
            unsupported = error.code() == grpc.StatusCode.UNIMPLEMENTED
            kind = Unsupported if unsupported else ServingError
            raise kind(f"{address} answers {error.code().name}: {error.details()}") from error
        outputs = serving("PredictResponse").FromString(content).outputs
        return {name: _golden(tensor_proto.to_array(name, outputs[name])) for name in outputs}

    return run


def has_rows(inputs: Mapping[str, np.ndarray]) -> bool:
    """Tells whether REST can say these inputs: an empty list has no further axes there."""
    return all(array.size for array in inputs.values())
