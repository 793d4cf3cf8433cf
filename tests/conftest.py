"""What all rooms' tests share: the commands as processes, real data, one small run, one bundle."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("untimed", deadline=None)  # machines are busy
hypothesis.settings.load_profile("untimed")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before any import of it
ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
NAMES = {"cnn": "digits", "gan": "gan", "text": "python"}
"""What the runs of families are called."""


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


QUICK = {
    "cnn": ["--data", "digits", "--epochs", "6"],
    "gan": ["--data", "digits", "--epochs", "8", "--measure-every", "4", "--judge", "{cnn}"],
    "text": ["--data", "python", "--epochs", "2", "--units", "64", "--embedding", "32"],
}
"""Flags for a run of seconds on bundled data; {cnn} is the run of that family."""


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """From a name, and what makes a folder, to that folder, which all workers of pytest share."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made_once"
    shared.mkdir(exist_ok=True)

    def made_once(name, make):
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return made_once


@pytest.fixture(scope="session")
def run_of(made_once):
    """From a family's name to a run directory of it, trained once."""

    def run_of(family):
        def train(folder):
            flags = [run_of("cnn") if flag == "{cnn}" else flag for flag in QUICK[family]]
            run = folder / NAMES.get(family, family)
            done = command("keras-train", family, *flags, "--run", run)
            assert done.returncode == 0, done.stderr

        return made_once(f"run_{family}", train) / NAMES.get(family, family)

    return run_of


@pytest.fixture(scope="session")
def bundle_of(run_of, made_once):
    """From a family's name to a published version of that run: `<models>/<name>/1`."""

    def bundle_of(family):
        def export(models):
            done = command("keras-export", run_of(family), "--to", models)
            assert done.returncode == 0, done.stderr

        return made_once(f"bundle_{family}", export) / run_of(family).name / "1"

    return bundle_of


@pytest.fixture(scope="session")
def digits_run(run_of):
    """A run directory: the default classifier after a few epochs on the bundled digits."""
    return run_of("cnn")


@pytest.fixture(scope="session")
def digits_bundle(bundle_of):
    """A published version of that run: `<models>/digits/1`."""
    return bundle_of("cnn")


@pytest.fixture(scope="session")
def gan_run(run_of):
    """A run directory: a generator of digits after a few epochs, judged by `digits_run`."""
    return run_of("gan")


@pytest.fixture(scope="session")
def gan_bundle(bundle_of):
    """A published version of that run: `<models>/gan/1`."""
    return bundle_of("gan")


@pytest.fixture(scope="session")
def text_run(run_of):
    """A run directory: a small GRU after two epochs on the Python reference."""
    return run_of("text")


@pytest.fixture(scope="session")
def text_bundle(bundle_of):
    """A published version of that run: `<models>/python/1`."""
    return bundle_of("text")
