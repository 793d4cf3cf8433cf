"""`keras-serve config`: the models of a folder as a models.config, for TF Serving or for here."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from serving.errors import BadInput, NotFound
from serving.fleet import folders, models_config, policy
from serving.fleet.models_config import ModelConfig

EXAMPLES = """\
examples:
  keras-serve config models > models.config
  tensorflow_model_server --rest_api_port=8501 --model_config_file=models.config
  keras-serve --models-config models.config
"""


def run(words: Sequence[str]) -> int:
    """Prints the configuration.

    Raises:
        NotFound: there is no such folder.
        BadInput: it cannot be read, or holds no model.
    """
    options = _parser().parse_args(words)
    try:
        found = folders.models_in(options.models)
    except FileNotFoundError as error:
        raise NotFound(f"there is no folder {options.models}") from error
    except OSError as error:
        raise BadInput(f"{options.models} cannot be read: {error.strerror}") from error
    if not found:
        raise BadInput(f"{options.models} holds no model: keras-export puts them there")
    chosen = policy.parse(options.model_version_policy)
    configs = [
        ModelConfig(name=name, folder=options.base / name, policy=chosen)
        if options.base
        else ModelConfig(name=name, folder=folder.resolve(), policy=chosen)
        for name, folder in found.items()
    ]
    sys.stdout.write(models_config.to_text(configs))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-serve config",
        description="Prints TF Serving's configuration for the models in a folder.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", type=Path, help="folder with a sub-folder for each model")
    parser.add_argument(
        "--base", type=Path, help="where the folder is for the server that reads this (the same)"
    )
    parser.add_argument(
        "--model-version-policy",
        default="latest",
        metavar="POLICY",
        help="latest, latest:N, all, specific:N,M (latest)",
    )
    return parser
