"""All gRPC services of a worker, put together."""

import grpc

from serving.rpc import health, model_service, prediction_service, reflection
from serving.rpc.model_service import ModelService, Reload
from serving.rpc.prediction_service import PredictionService
from serving.rpc.server import Observe, service
from serving.running.catalog import Catalog


def handlers(catalog: Catalog, observe: Observe, reload: Reload) -> list[grpc.GenericRpcHandler]:
    """Makes the handler of every service.

    Args:
        catalog: the models.
        observe: is told of every call once it is answered.
        reload: takes another configuration.
    """
    names = [prediction_service.NAME, model_service.NAME, health.NAME]
    all_names = [*names, *(f"{package}.ServerReflection" for package in reflection.PACKAGES)]
    return [
        service(prediction_service.NAME, PredictionService(catalog).methods, observe),
        service(model_service.NAME, ModelService(catalog, reload).methods, observe),
        health.handler(catalog, names),
        *reflection.handlers(all_names),
    ]
