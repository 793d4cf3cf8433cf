"""`models.config`: which models a server has, in TF Serving's text format."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from serving.errors import BadInput
from serving.fleet.policy import ALL, LATEST, Policy
from serving.wire.messages import pool, serving

PLATFORM = "tensorflow"


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One model.

    Attributes:
        name: under which it is asked.
        folder: that holds its versions.
        policy: which of them are served.
        labels: the version that each of its labels means.
    """

    name: str
    folder: Path
    policy: Policy = LATEST
    labels: Mapping[str, int] = field(default_factory=dict)


def parse(text: str) -> list[ModelConfig]:
    """Reads a configuration.

    Raises:
        BadInput: it is none, or names models that cannot be.
    """
    message = serving("ModelServerConfig")()
    try:
        text_format.Parse(text, message, descriptor_pool=pool())
    except text_format.ParseError as error:
        raise BadInput(
            f"Error parsing text-format tensorflow.serving.ModelServerConfig: {error}"
        ) from error
    return from_message(message)


def from_message(message: Any) -> list[ModelConfig]:
    """Reads a configuration of a `ModelServerConfig`.

    Raises:
        BadInput: it is of another kind, or names models that cannot be.
    """
    if message.WhichOneof("config") != "model_config_list":
        raise BadInput(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    found: list[ModelConfig] = []
    for config in message.model_config_list.config:
        if any(config.name == other.name for other in found):
            raise BadInput(f"Illegal to list model {config.name} multiple times in config list")
        _check(config)
        found.append(
            ModelConfig(
                name=config.name,
                folder=Path(config.base_path),
                policy=_policy(config.model_version_policy),
                labels=dict(config.version_labels),
            )
        )
    return found


def to_text(configs: Iterable[ModelConfig]) -> str:
    """Writes a configuration that TF Serving and this server read."""
    blocks = []
    for config in configs:
        lines = [
            f"    name: {_quoted(config.name)}",
            f"    base_path: {_quoted(str(config.folder))}",
            f"    model_platform: {_quoted(PLATFORM)}",
            *_policy_lines(config.policy),
        ]
        for label, version in sorted(config.labels.items()):
            lines.append(f"    version_labels {{ key: {_quoted(label)} value: {version} }}")
        blocks.append("  config {\n" + "\n".join(lines) + "\n  }\n")
    return f"model_config_list {{\n{''.join(blocks)}}}\n"


def _check(config: Any) -> None:
    if config.model_type and config.model_platform:
        raise BadInput(
            "Illegal setting both ModelServerConfig::model_type (deprecated) "
            f"and ModelServerConfig::model_platform, model name is {config.name}"
        )
    if not config.model_type and not config.model_platform:
        raise BadInput(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) "
            f"nor ModelServerConfig::model_platform, model name is {config.name}"
        )
    if config.model_type not in (0, 1) or config.model_platform not in ("", PLATFORM):
        raise BadInput(
            f"model {config.name} is of platform {config.model_platform or config.model_type}: "
            f"only {PLATFORM} is served"
        )
    if not Path(config.base_path).is_absolute():
        raise BadInput(
            f"Expected model {config.name} to have an absolute path or URI; "
            f"got base_path()={config.base_path}"
        )


def _policy(message: Any) -> Policy:
    choice = message.WhichOneof("policy_choice")
    if choice == "all":
        return ALL
    if choice == "specific":
        return Policy(specific=tuple(message.specific.versions))
    return Policy(latest=message.latest.num_versions or 1)


def _policy_lines(policy: Policy) -> list[str]:
    if policy == LATEST:
        return []
    if policy.latest is not None:
        return [f"    model_version_policy {{ latest {{ num_versions: {policy.latest} }} }}"]
    if policy.specific is not None:
        versions = " ".join(f"versions: {version}" for version in policy.specific)
        return [f"    model_version_policy {{ specific {{ {versions} }} }}"]
    return ["    model_version_policy { all {} }"]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
