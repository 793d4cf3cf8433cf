"""A server on TF Serving's own example models, started as theirs is."""

import pytest

from tests.serving.tf_serving.example_models import config, write_models

LABELS = 'version_labels { key: "canary" value: 123 }'


@pytest.fixture(scope="session")
def example_models(tmp_path_factory):
    """A folder with `half_plus_two`, `half_plus_three` and `pairs`, each with version 123."""
    folder = tmp_path_factory.mktemp("tf_serving")
    write_models(folder)
    return folder


@pytest.fixture(scope="session")
def model_server(start_server, example_models, tmp_path_factory):
    """One worker on all of them; version 123 of `half_plus_two` is also called `canary`."""
    file = tmp_path_factory.mktemp("config") / "models.config"
    names = ["half_plus_two", "half_plus_three", "pairs"]
    file.write_text(config(example_models, *names, half_plus_two=LABELS))
    patient = ["--queue-ms", "6e5", "--timeout", "600"]
    return start_server("--models-config", file, "--workers", "1", *patient)
