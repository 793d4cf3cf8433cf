"""The files in `serving/deployment/`, as their readers read them."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "serving" / "deployment"


def documents(*parts):
    """Reads every YAML document in files of a folder, the last part being their pattern."""
    *folders, pattern = parts
    return [
        document
        for path in sorted(DEPLOYMENT.joinpath(*folders).glob(pattern))
        for document in yaml.safe_load_all(path.read_text())
    ]


(COMPOSE,) = documents("compose.yaml")
