"""What a server writes: a small folder for temporary files while it runs, and nothing else."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.serving.server_process import ROOT

REQUEST = "/v1/models/half_plus:predict", {"instances": [1.0]}
TELEMETRY = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD")
"""What keeps ONNX Runtime from reporting where it is built and tested."""
READ_ONLY = "mount --make-rprivate / && mount -o remount,bind,ro / && "
TEMPORARY = 'mount -t tmpfs tmpfs "$TMPDIR" && '


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """The user's folders, empty."""
    for name in TELEMETRY:
        monkeypatch.delenv(name, raising=False)
    found = {}
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # sockets lie in it
        for name, parent in (("HOME", tmp_path), ("XDG_CACHE_HOME", tmp_path), ("TMPDIR", short)):
            found[name] = Path(parent) / name
            found[name].mkdir()
            monkeypatch.setenv(name, str(found[name]))
        yield found


def unshared(*steps):
    """Returns the command that runs another one on file systems of its own."""
    shell = ["sh", "-c", "".join(steps) + 'exec "$@"', "sh"]
    return ["unshare", "--map-root-user", "--mount", *shell]


@pytest.fixture
def read_only():
    """Skips where the machine allows nobody to try."""
    try:
        subprocess.run([*unshared(READ_ONLY), "true"], check=True, capture_output=True, cwd="/")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be made read-only here: {error}")


def test_a_server_writes_nothing_but_its_folder_and_takes_that_with_it(
    folders, start_server, models
):
    server = start_server(models, "--workers", "1")
    assert server.post(*REQUEST) == (200, {"predictions": [3.5]})
    written = {one.name.partition("-")[0] for one in folders["TMPDIR"].iterdir()}
    assert written <= {"keras", "pymp"}  # the latter is multiprocessing's, where the path is long
    assert server.stop() == 0
    assert [list(folder.rglob("*")) for folder in folders.values()] == [[], [], []]


def test_a_server_runs_where_nothing_but_the_temporary_folder_can_be_written(
    folders, read_only, start_server, models
):
    server = start_server(models, "--workers", "1", within=unshared(READ_ONLY, TEMPORARY))
    assert server.post(*REQUEST) == (200, {"predictions": [3.5]})
    assert server.stop() == 0


def test_where_nothing_at_all_can_be_written_it_says_what_to_do(folders, read_only, models):
    command = [*unshared(READ_ONLY), sys.executable, "-m", "serving", models, "--rest-port", "0"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 2
    assert "let TMPDIR name one" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_temporary_folder_with_a_path_too_long_for_sockets_is_refused_in_one_line(
    monkeypatch, tmp_path, models
):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    command = [sys.executable, "-m", "serving", models, "--rest-port", "0"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 2
    assert f"{long}, has too long a path for sockets" in found.stderr
    assert "Traceback" not in found.stderr
