"""What all rooms' tests share: the commands as processes, real data, one small run, one bundle."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


def command(name, *arguments, cwd=None, env=None, **options):
    """Runs one of the console scripts as a user would, and returns the finished process."""
    module = {"keras-verify": "export.verify"}.get(name, name.removeprefix("keras-"))
    module = {"serve": "serving", "train": "train", "export": "export"}.get(module, module)
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=cwd or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.fixture(scope="session")
def run_command():
    """The function that runs `keras-train`, `keras-export`, `keras-verify` or `keras-serve`."""
    return command


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real data sets beside the checkout; tests that need it are skipped without."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets in ../shared/data are not here")
    return folder


@pytest.fixture(scope="session")
def keras_home(tmp_path_factory):
    """A KERAS_HOME whose data sets are real copies, so that nothing is downloaded."""
    datasets = SHARED / "keras" / "datasets"
    if not datasets.is_dir():
        pytest.skip("the real data sets in ../shared/keras are not here")
    home = tmp_path_factory.mktemp("keras_home")
    (home / "datasets").symlink_to(datasets.resolve())
    return home


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A run directory: the default classifier after a few epochs on the bundled digits."""
    run = tmp_path_factory.mktemp("runs") / "digits"
    done = command("keras-train", "cnn", "--data", "digits", "--run", run, "--epochs", "6")
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="session")
def digits_bundle(digits_run, tmp_path_factory):
    """A published version of that run: `<models>/digits/1`."""
    models = tmp_path_factory.mktemp("models")
    done = command("keras-export", digits_run, "--to", models)
    assert done.returncode == 0, done.stderr
    return models / "digits" / "1"
