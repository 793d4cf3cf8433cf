"""Calls of TF Serving's own client, and what its tests look at in the answers."""

import contextlib

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

CLASSIFY, REGRESS = "classify_x_to_y", "regress_x_to_y"


@contextlib.contextmanager
def stub_at(server, stub=prediction_service_pb2_grpc.PredictionServiceStub):
    """Opens a channel to a server, or to an address, and gives a client of one of its services."""
    address = server if isinstance(server, str) else f"127.0.0.1:{server.grpc_port}"
    with grpc.insecure_channel(address) as channel:
        yield stub(channel)


def predicted(
    server, model, *, shape=(1,), signature="serving_default", names_output=False, version=123
):
    """Asks for y of x = 2, and returns it; looks at all else that is answered."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    request.inputs["x"].dtype = 1
    request.inputs["x"].float_val.append(2.0)
    for length in shape:
        request.inputs["x"].tensor_shape.dim.add(size=length)
    if names_output:
        request.output_filter.append("y")
    with stub_at(server) as stub:
        answer = stub.Predict(request)
    check_spec(answer.model_spec, model, signature, version)
    assert list(answer.outputs) == ["y"]
    assert answer.outputs["y"].dtype == 1
    (value,) = answer.outputs["y"].float_val
    return value


def classified(server, model):
    """Asks for the score of the one class of an Example with x = 2."""
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name, request.model_spec.signature_name = model, CLASSIFY
    _add_example(request)
    with stub_at(server) as stub:
        answer = stub.Classify(request)
    check_spec(answer.model_spec, model, CLASSIFY)
    return _score(answer.result)


def regressed(server, model):
    """Asks for the number of an Example with x = 2."""
    request = regression_pb2.RegressionRequest()
    request.model_spec.name, request.model_spec.signature_name = model, REGRESS
    _add_example(request)
    with stub_at(server) as stub:
        answer = stub.Regress(request)
    check_spec(answer.model_spec, model, REGRESS)
    (found,) = answer.result.regressions
    return found.value


def both_inferred(server, model):
    """Asks for both of an Example with x = 2 in one call: the number, then the score."""
    request = inference_pb2.MultiInferenceRequest()
    for signature, method in ((REGRESS, "regress"), (CLASSIFY, "classify")):
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = model, signature
    _add_example(request)
    with stub_at(server) as stub:
        number, score = stub.MultiInference(request).results
    check_spec(number.model_spec, model, REGRESS)
    check_spec(score.model_spec, model, CLASSIFY)
    (found,) = number.regression_result.regressions
    return found.value, _score(score.classification_result)


def check_spec(spec, model, signature, version=123):
    """Asserts that an answer says which model and version it is of."""
    assert (spec.name, spec.signature_name, spec.version.value) == (model, signature, version)


def _add_example(request):
    example = request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(2.0)


def _score(result):
    (classification,) = result.classifications
    (found,) = classification.classes
    assert found.label == ""
    return found.score
