"""`make demo` after its training: from a finished run to the table that it ends in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_demo_ends_in_a_table_of_what_it_measured(digits_run, tmp_path):
    shutil.copytree(digits_run, tmp_path / "runs" / "digits")
    done = subprocess.run(
        [sys.executable, ROOT / "demo.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = dict(line.split("  ", 1) for line in done.stdout.splitlines() if "  " in line.strip())
    assert "unseen samples" in rows["test"]
    assert "decisions agree with Keras" in rows["SavedModel"]
    assert "decisions agree with Keras" in rows["ONNX"]
    assert "model.predict" in rows["one prediction"]
    assert (tmp_path / "models" / "digits" / "1" / "bundle.json").exists()
    assert (tmp_path / "runs" / "digits" / "sample.png").exists()
