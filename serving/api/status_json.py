"""States and signatures of a model as TF Serving's REST API tells them."""

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from serving.running.states import Status
from serving.running.version import Version
from serving.wire.messages import serving


def statuses(found: Mapping[int, Status]) -> bytes:
    """Writes the states of versions, in their order."""
    return _written(
        {
            "model_version_status": [
                {
                    "version": str(number),
                    "state": status.state.name,
                    "status": {
                        "error_code": status.error_code,
                        "error_message": status.error_message,
                    },
                }
                for number, status in found.items()
            ]
        }
    )


def metadata(version: Version) -> bytes:
    """Writes name, version and every signature of the SavedModel, all fields of them."""
    signature_map = signature_defs(version)
    signatures = json_format.MessageToDict(
        signature_map,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    spec = {"name": version.name, "signature_name": "", "version": str(version.number)}
    return _written({"model_spec": spec, "metadata": {"signature_def": signatures}})


def signature_defs(version: Version) -> Any:
    """Returns a version's signatures as a `SignatureDefMap` message."""
    found = serving("SignatureDefMap")()
    for name, definition in version.signature_defs.items():
        found.signature_def[name].CopyFrom(definition)
    return found


def _written(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
