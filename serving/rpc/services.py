"""All gRPC services of a worker, put together."""

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
from serving.rpc.methods import Methods, service, stream
from serving.rpc.model_service import ModelService, Reload
from serving.rpc.prediction_service import PredictionService
from serving.rpc.text_service import TextService
from serving.running.catalog import Catalog
from serving.running.texts import Texts


def methods(catalog: Catalog, texts: Texts, observer: Observer, reload: Reload) -> Methods:
    """Makes the methods of every service.

    Args:
        catalog: the models.
        texts: begins texts.
        observer: is told of every call.
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
    prediction = PredictionService(catalog)
    return {
        **service(prediction_service.NAME, prediction.methods, observer, prediction.readers),
        **service(model_service.NAME, ModelService(catalog, reload).methods, observer),
        **service(inference_service.NAME, InferenceService(catalog).methods, observer),
        **stream(text_service.NAME, TextService(catalog, texts).methods, observer),
        **health.methods(catalog, names),
        **reflection.methods(all_names),
    }
