"""`tensorflow.serving.ModelService`: the states of versions, and another configuration."""

from collections.abc import Awaitable, Callable
from typing import Any

from serving.api.note import Note
from serving.errors import BadInput
from serving.rpc.model_spec import find
from serving.running.catalog import Catalog
from serving.wire.messages import serving

NAME = "tensorflow.serving.ModelService"
Reload = Callable[[bytes], Awaitable[tuple[str, str]]]
"""From a serialized `ModelServerConfig` to code and message of what came of it."""


class ModelService:
    """Answers from a catalog; a new configuration goes to who decides about models."""

    def __init__(self, catalog: Catalog, reload: Reload) -> None:
        """Answers from `catalog`, hands configurations to `reload`."""
        self._catalog, self._reload = catalog, reload
        self.methods = {
            "GetModelStatus": self.get_model_status,
            "HandleReloadConfigRequest": self.handle_reload_config_request,
        }

    async def get_model_status(self, request: Any, note: Note, deadline: float) -> Any:
        """Tells the states of a model's versions, the highest first."""
        if not request.HasField("model_spec"):
            raise BadInput("Missing ModelSpec")
        name, number, label = find(request.model_spec)
        response = serving("GetModelStatusResponse")()
        for version, status in self._catalog.statuses(name, number, label).items():
            told = response.model_version_status.add(version=version, state=int(status.state))
            _fill(told.status, status.error_code, status.error_message)
        return response

    async def handle_reload_config_request(self, request: Any, note: Note, deadline: float) -> Any:
        """Replaces the configuration; models that it does not name are taken down."""
        code, text = await self._reload(request.config.SerializeToString())
        response = serving("ReloadConfigResponse")()
        _fill(response.status, code, text)
        return response


def _fill(status: Any, code: str, text: str) -> None:
    """Sets a `StatusProto`, which is there even where all is well."""
    status.SetInParent()
    status.error_code = (
        status.DESCRIPTOR.fields_by_name["error_code"].enum_type.values_by_name[code].number
    )
    status.error_message = text
