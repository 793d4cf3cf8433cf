"""What a person reads when training stops: real errors, in one line, with the way on."""

import errno
import signal

import keras
import pytest
import tensorflow as tf

from train.checkpoint import Diverged, Interrupted
from train.failures import explained


@pytest.fixture
def begun(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


@pytest.fixture
def learned(begun):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.save(begun / "model.keras")
    return begun


def raised_by(action):
    with pytest.raises(Exception) as caught:  # noqa: PT011 (the type is what is examined)
        action()
    return caught.value


def write_to_full_device():
    with open("/dev/full", "w", buffering=1) as device:
        device.write("x\n")


@pytest.mark.parametrize(
    "write",
    [write_to_full_device, lambda: tf.io.write_file("/dev/full", "x" * 100_000)],
    ids=["python", "tensorflow"],
)
def test_a_full_disk_is_named_with_the_way_on(write, learned):
    message, code = explained(raised_by(write), learned, "cnn")
    assert code == 2
    assert "No space left on device" in message
    assert f"kept in {learned}" in message
    assert message.endswith(f"keras-train cnn --run {learned} --resume")
    assert "\n" not in message


def test_a_run_that_never_began_promises_nothing(tmp_path):
    error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path))
    message, code = explained(error, tmp_path / "run", "cnn")
    assert message == f"cannot write {tmp_path}: Permission denied"
    assert code == 2
    assert explained(KeyboardInterrupt(), tmp_path / "run", "cnn") == ("stopped", 130)


def test_a_model_is_only_promised_where_there_is_one(begun):
    message, code = explained(Diverged("the loss is nan at step 3"), begun, "cnn")
    assert code == 1
    assert "no model yet" in message
    assert "--learning-rate" in message


def test_a_signal_names_the_command_that_goes_on(learned):
    message, code = explained(Interrupted(signal.SIGTERM), learned, "cnn")
    assert code == 143
    assert f"kept in {learned}" in message
    assert "--resume" in message


def test_memory_that_does_not_suffice_is_not_taken_for_a_full_disk(learned):
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9]")
    message, code = explained(error, learned, "cnn")
    assert code == 1
    assert "--batch-size" in message


def test_what_nobody_expected_keeps_its_traceback(learned):
    assert explained(KeyError("name"), learned, "cnn") is None
