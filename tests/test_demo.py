"""`make demo` after its training: from a finished run to the table that it ends in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras_models

ROOT = Path(__file__).parent.parent


def test_the_demo_ends_in_a_table_of_what_it_measured(run_of, tmp_path):
    for family in keras_models.FAMILIES:
        shutil.copytree(run_of(family), tmp_path / "runs" / run_of(family).name)
    done = subprocess.run(
        [sys.executable, ROOT / "demo.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for family in keras_models.FAMILIES:
        table = done.stdout.split(f"\nfamily          {family}\n")[1].split("\n\n")[0]
        rows = dict(line.split("  ", 1) for line in table.splitlines())
        assert "unseen" in rows["test"]
        assert "decisions agree with Keras" in rows["SavedModel"]
        assert "decisions agree with Keras" in rows["ONNX"]
        assert "model.predict" in rows["one prediction"]
        assert (tmp_path / "models" / run_of(family).name / "1" / "bundle.json").exists()
    assert (tmp_path / "runs" / "digits" / "sample.png").exists()
    assert (tmp_path / "runs" / "gan" / "grid.png").exists()
    assert "The value of the expression" in done.stdout
