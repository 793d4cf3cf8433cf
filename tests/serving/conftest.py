"""Models of graphs told by hand, and real servers on them."""

import shutil

import pytest

from tests.serving.networks import (
    half_plus,
    masked,
    pixels,
    rectified,
    series,
    slow,
    so_far,
    sums,
)
from tests.serving.server_process import Server
from tests.serving.written_bundles import write_bundle


@pytest.fixture
def own_bundle(digits_bundle, tmp_path):
    copy = tmp_path / "models" / "digits" / "1"
    shutil.copytree(digits_bundle, copy)
    return copy


@pytest.fixture(scope="session")
def write_half_plus():
    """A function that writes `<folder>/half_plus/<version>`, which computes x / 2 + number."""

    def write(folder, version, number):
        return write_bundle(folder / "half_plus" / str(version), half_plus(number))

    return write


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with a model of every kind; `half_plus` has two versions, as TF Serving's has."""
    folder = tmp_path_factory.mktemp("served")
    write_bundle(folder / "half_plus" / "123", half_plus(2))
    write_bundle(folder / "half_plus" / "00000124", half_plus(3))
    for build in (sums, pixels, series, so_far, masked, rectified, slow):
        write_bundle(folder / build.__name__ / "1", build())
    return folder


@pytest.fixture(scope="session")
def start_server():
    """A function that starts a server, of which the test may do what it likes."""
    started = []

    def start(*arguments, **options):
        started.append(Server(*arguments, **options))
        return started[-1]

    yield start
    failures = []
    for server in started:
        try:
            server.stop()
        except AssertionError as error:
            failures.append(str(error))
        server.kill()
    assert not failures


@pytest.fixture(scope="session")
def server(start_server, models):
    """Two workers on all models and both versions of `half_plus`; leave it as it is."""
    policy = ["--model-version-policy", "all"]
    return start_server(models, *policy, "--workers", "2", "--queue-ms", "6e5", "--timeout", "600")


@pytest.fixture(scope="session")
def texts(start_server, text_bundle, models, tmp_path_factory):
    """Three workers on a text generator and on a model that is none."""
    folder = tmp_path_factory.mktemp("texts")
    shutil.copytree(text_bundle, folder / "python" / "1")
    shutil.copytree(models / "sums", folder / "sums")
    return start_server(folder, "--workers", "3")
