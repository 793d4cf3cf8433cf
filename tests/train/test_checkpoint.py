"""A killed run goes on exactly: real processes, real signals, equal bytes."""

import functools
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from pydoc_data import topics

import numpy as np
import pytest

from keras_models.errors import BadInput
from train import checkpoint
from train.checkpoint import Checkpoint

ROOT = Path(__file__).parent.parent.parent
FLAGS = {
    "cnn": "--data digits --epochs 4 --filters 4 8 --units 16",
    # Everything that has a memory of its own: carried state, turned text, drawn masks, averages.
    "text": "--data TEXT --epochs 4 --cell lstm --units 16 --layers 2 "
    "--dropout 0.2 --weight-dropout 0.2 --average-decay 0.9",
}


@pytest.fixture(scope="module")
def flags_of(tmp_path_factory):
    """From a family's name to the flags of a short run."""
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("".join(topics.topics.values())[:60_000], encoding="utf-8")
    return lambda family: FLAGS[family].replace("TEXT", str(text)).split()


def start(run, *flags, family="cnn"):
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "train", family, "--run", run, *flags],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def final_state(run):
    """Hash of the last checkpoint: all weights, optimizer, averages and random states."""
    name = sorted((run / "checkpoint").glob("*.npz"))[-1].name
    variables = checkpoint.latest(run / "checkpoint").variables
    digest = hashlib.sha256()
    for key in sorted(variables):
        digest.update(key.encode() + np.ascontiguousarray(variables[key]).tobytes())
    return name.split(".")[0], digest.hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, flags_of):
    """From a family's name to the end of a run that nothing stopped."""

    @functools.cache
    def undisturbed(family):
        run = tmp_path_factory.mktemp("undisturbed") / "run"
        process = start(run, *flags_of(family), family=family)
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        return final_state(run)

    return undisturbed


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{text!r} never came")


@pytest.mark.slow
@pytest.mark.parametrize("family", FLAGS)
def test_killed_twice_the_run_ends_with_the_very_same_bytes(
    family, undisturbed, flags_of, tmp_path
):
    run = tmp_path / "run"
    process = start(run, *flags_of(family), family=family)
    wait_for(process, "epoch 1/")
    process.kill()
    process.communicate()
    process = start(run, "--resume", family=family)
    wait_for(process, "epoch 3/")
    process.kill()
    process.communicate()
    process = start(run, "--resume", family=family)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert final_state(run) == undisturbed(family)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_cleanly_and_the_run_goes_on_exactly(
    undisturbed, flags_of, tmp_path, number, code
):
    run = tmp_path / "run"
    process = start(run, *flags_of("cnn"))
    wait_for(process, "epoch 2/")
    os.kill(process.pid, number)
    _, errors = process.communicate()
    assert process.returncode == code
    assert f"keras-train cnn --run {run} --resume" in errors
    assert "Traceback" not in errors
    assert (run / "model.keras").exists()
    process = start(run, "--resume")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert final_state(run) == undisturbed("cnn")


def a_checkpoint(step, value=1.0):
    return Checkpoint(
        step, {"0000|kernel": np.full((3, 2), value, np.float32)}, {"best": {"best": 0.5}}
    )


def test_what_was_saved_is_read_back_and_two_are_kept(tmp_path):
    for step in (10, 20, 30):
        checkpoint.save(tmp_path, a_checkpoint(step, step))
    assert len(list(tmp_path.iterdir())) == 2
    found = checkpoint.latest(tmp_path)
    assert found.step == 30
    assert found.state == {"best": {"best": 0.5}}
    np.testing.assert_array_equal(found.variables["0000|kernel"], np.full((3, 2), 30))


def test_a_flipped_bit_or_a_cut_is_noticed_and_the_one_before_taken(tmp_path, capsys):
    checkpoint.save(tmp_path, a_checkpoint(10))
    checkpoint.save(tmp_path, a_checkpoint(20))
    newest = max(tmp_path.iterdir())
    good = newest.read_bytes()
    random = np.random.default_rng(0)
    damaged = [good[:cut] for cut in random.integers(0, len(good), 20)]
    for position in random.integers(0, len(good), 100):
        flipped = bytearray(good)
        flipped[position] ^= 1 << int(random.integers(8))
        damaged.append(bytes(flipped))
    for content in damaged:
        newest.write_bytes(content)
        assert checkpoint.latest(tmp_path).step == 10
    assert "damaged" in capsys.readouterr().err


def test_if_all_are_damaged_nothing_is_loaded(tmp_path):
    checkpoint.save(tmp_path, a_checkpoint(10))
    next(tmp_path.iterdir()).write_bytes(b"")
    with pytest.raises(BadInput, match="all checkpoints"):
        checkpoint.latest(tmp_path)


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path):
    """A file-size limit stands for the full disk; the child must not be able to write it all."""
    checkpoint.save(tmp_path, a_checkpoint(10))
    code = (
        "import resource, signal, numpy as np; from pathlib import Path\n"
        "from train import checkpoint\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "checkpoint.save(Path(%r), checkpoint.Checkpoint(20, {'a': np.ones(5000)}, {}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code % str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "File too large" in done.stderr
    assert checkpoint.latest(tmp_path).step == 10
    assert len(list(tmp_path.iterdir())) == 1
