"""The suite itself: a test that never ends fails, and the others still run."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = """
import threading

def test_before():
    pass

def test_for_ever():
    threading.Event().wait()

def test_after():
    pass
"""


def test_a_test_that_hangs_fails_with_its_stack_and_the_rest_goes_on(tmp_path):
    (tmp_path / "test_three.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path,
         "-o", "faulthandler_timeout=1", "--numprocesses=1", tmp_path],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert "1 failed, 2 passed" in done.stdout
    assert "in test_for_ever" in done.stderr
