"""A version appears whole or not at all: under races, under kills, and in bad places."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export import publish
from keras_models.errors import BadInput

ROOT = Path(__file__).parents[2]
FILES, SIZE = 12, 200_000
PUBLISHER = f"""
import sys
from pathlib import Path
from export import publish
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with publish.staging(Path(sys.argv[1]), "model") as staged:
        for number in range({FILES}):
            (staged / f"{{number}}.bin").write_bytes(bytes({SIZE}))
        print(publish.publish(staged).name, flush=True)
"""


def publisher(models, times):
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(models), str(times)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == "ready\n"
    return process


def versions(models):
    return sorted(int(p.name) for p in (models / "model").glob("[0-9]*"))


def is_whole(folder):
    return [path.stat().st_size for path in folder.iterdir()] == [SIZE] * FILES


def test_versions_count_up_from_one(tmp_path):
    for expected in ("1", "2"):
        with publish.staging(tmp_path, "model") as staged:
            (staged / "file").write_text("content")
            assert publish.publish(staged).name == expected
    assert [path.name for path in (tmp_path / "model").iterdir() if path.name[0] == "."] == []


def test_what_was_not_published_leaves_nothing(tmp_path):
    with publish.staging(tmp_path / "models", "model") as staged:
        (staged / "file").write_text("content")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_version_that_appears_meanwhile_keeps_its_number(tmp_path):
    with publish.staging(tmp_path, "model") as staged:
        (tmp_path / "model" / "1").mkdir()
        (tmp_path / "model" / "1" / "theirs").write_text("theirs")
        (tmp_path / "model" / "2").write_text("a file in the way")
        assert publish.publish(staged).name == "3"
    assert (tmp_path / "model" / "1" / "theirs").read_text() == "theirs"


def test_eight_exporters_at_once_make_eight_whole_versions(tmp_path):
    processes = [publisher(tmp_path, 1) for _ in range(8)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert {process.communicate()[0].strip() for process in processes} == set("12345678")
    assert versions(tmp_path) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert all(is_whole(tmp_path / "model" / str(version)) for version in versions(tmp_path))


def test_a_killed_export_leaves_whole_versions_only_and_the_next_clears_up(tmp_path):
    random = np.random.default_rng(0)
    for _ in range(6):
        process = publisher(tmp_path, 1000)
        process.stdin.write("go\n")
        process.stdin.flush()
        for _ in range(random.integers(1, 5)):  # so many are done; it is in the midst of another
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert all(is_whole(tmp_path / "model" / str(version)) for version in versions(tmp_path))
    with publish.staging(tmp_path, "model") as staged:
        assert [p for p in (tmp_path / "model").glob(".staging-*") if p != staged] == []


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a:b", "a\nb", "x" * 300]
)
def test_a_name_that_cannot_be_a_folders_is_refused(name, tmp_path):
    with pytest.raises(BadInput, match="--name"), publish.staging(tmp_path, name):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "models").write_text("a file")
    with pytest.raises(BadInput, match="models"), publish.staging(tmp_path / "models", "model"):
        pass
