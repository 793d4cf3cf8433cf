"""All gRPC services of a worker, put together."""

import grpc

from serving.api.observer import Observer
from serving.rpc import (
    health,
    inference_service,
    model_service,
    prediction_service,
    reflection,
    text_service,
)
from serving.rpc.inference_service import InferenceService
from serving.rpc.model_service import ModelService, Reload
from serving.rpc.prediction_service import PredictionService
from serving.rpc.sending import Sending
from serving.rpc.server import service, stream
from serving.rpc.text_service import TextService
from serving.running.catalog import Catalog
from serving.running.texts import Texts


def handlers(
    catalog: Catalog, texts: Texts, observer: Observer, sending: Sending, reload: Reload
) -> list[grpc.GenericRpcHandler]:
    """Makes the handler of every service.

    Args:
        catalog: the models.
        texts: begins texts.
        observer: is told of every call.
        sending: is told of every answer.
        reload: takes another configuration.
    """
    names = [
        prediction_service.NAME,
        model_service.NAME,
        inference_service.NAME,
        text_service.NAME,
        health.NAME,
    ]
    all_names = [*names, *(f"{package}.ServerReflection" for package in reflection.PACKAGES)]
    return [
        service(prediction_service.NAME, PredictionService(catalog).methods, observer, sending),
        service(model_service.NAME, ModelService(catalog, reload).methods, observer, sending),
        service(inference_service.NAME, InferenceService(catalog).methods, observer, sending),
        stream(text_service.NAME, TextService(catalog, texts).methods, observer, sending),
        health.handler(catalog, names),
        *reflection.handlers(all_names),
    ]
