"""The Dockerfile of our server: what it is built of, and that its install line makes a server."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request

import pytest

from serving.serve_command import settings
from tests.serving.deployment_files import DEPLOYMENT, ROOT


def instructions():
    """Yields a Dockerfile's instructions, each with what is said after it on one line."""
    lines = (DEPLOYMENT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            yield line.split(None, 1)


def test_the_image_runs_as_nobody_and_holds_the_tested_versions():
    told = list(instructions())
    assert [rest for word, rest in told if word == "USER"] == ["65532:65532"]
    assert dict(told)["ENTRYPOINT"] == '["keras-serve"]'
    assert settings(json.loads(dict(told)["CMD"])).host == "0.0.0.0"
    sources = [rest.split()[:-1] for word, rest in told if word == "COPY" and "--from" not in rest]
    copied = {name for names in sources for name in names}
    assert all((ROOT / name).exists() for name in copied)
    kept = (DEPLOYMENT / "Dockerfile.dockerignore").read_text().split("\n")
    assert {line[1:] for line in kept if line.startswith("!")} == copied


@pytest.mark.slow
def test_the_images_install_line_makes_a_server_without_tensorflow(models, tmp_path):
    environment, source = tmp_path / "keras-serve", tmp_path / "source"
    source.mkdir()
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            for name in rest.split()[:-1]:
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
                copy(ROOT / name, source / name)
    (line,) = (rest for word, rest in instructions() if word == "RUN")
    line = line.replace("/opt/keras-serve", str(environment)).replace("/source", str(source))
    line = line.replace("python -m venv", f"{shlex.quote(sys.executable)} -m venv", 1)
    subprocess.run(line, shell=True, check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
    (installed,) = environment.glob("lib/python*/site-packages")
    there = {path.name for path in installed.iterdir()}
    assert not there & {"tensorflow", "keras", "onnx", "tf2onnx", "pip"}
    command = [environment / "bin" / "keras-serve", models, "--rest-port", "0", "--grpc-port", "0"]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        said = ""
        for line in process.stderr:
            said += line
            if "keras-serve: ready" in line:
                break
        port = re.search(r"REST on \S+:(\d+)", said)[1]
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/models/half_plus:predict", b'{"instances": [1.0]}'
        )
        with urllib.request.urlopen(asked) as answer:
            assert json.load(answer) == {"predictions": [3.5]}
        process.terminate()
        process.stderr.read()
    assert process.returncode == 0
