"""The machine: precision is chosen for it, and several devices train one model."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from keras_models.errors import BadInput
from train import runtime
from train.settings import ImageRun

ROOT = Path(__file__).parent.parent.parent

# Two logical CPUs stand for two GPUs, which no machine of ours has.
TWO_DEVICES = """
import os, sys
os.environ["KERAS_BACKEND"] = "tensorflow"
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from train import runtime
from train.__main__ import main
runtime.prepare = lambda run, jit: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
sys.exit(main(sys.argv[1:]))
"""


def on_two_devices(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_several_devices_train_one_model_together(tmp_path):
    run = tmp_path / "run"
    on_two_devices("cnn", "--run", run, "--epochs", "4")
    assert json.loads((run / "metrics.json").read_text())["test"]["accuracy"] > 0.6


@pytest.mark.slow
def test_several_devices_train_both_networks_of_a_gan_in_mixed_precision(digits_run, tmp_path):
    run = tmp_path / "gan"
    flags = ["--precision", "mixed_bfloat16", "--judge", digits_run]
    flags += ["--epochs", "12", "--measure-every", "6", "--average-decay", "0.9"]
    said = on_two_devices("gan", "--run", run, *flags)
    early, late = (float(found) for found in re.findall(r"val_frechet_distance ([\d.]+)", said))
    assert late < 0.8 * early
    assert json.loads((run / "config.json").read_text())["precision_used"] == "mixed_bfloat16"
    assert json.loads((run / "metrics.json").read_text())["test"]["frechet_distance"] < early


def test_auto_precision_keeps_tiny_images_in_float32(tmp_path):
    assert runtime.precision(ImageRun(run=tmp_path), bfloat16_pays_on_cpu=False) == "float32"


def test_auto_precision_follows_the_processor(tmp_path):
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        pytest.skip("this system does not say what its processor can do")
    multiplies = "avx512_bf16" in flags or "amx_bf16" in flags
    expected = "mixed_bfloat16" if multiplies else "float32"
    assert runtime.precision(ImageRun(run=tmp_path), bfloat16_pays_on_cpu=True) == expected


def test_what_was_asked_for_is_taken(tmp_path):
    asked = ImageRun(run=tmp_path, precision="mixed_bfloat16")
    assert runtime.precision(asked, bfloat16_pays_on_cpu=False) == "mixed_bfloat16"


def test_float16_without_a_gpu_is_refused(tmp_path):
    with pytest.raises(BadInput, match="needs a GPU"):
        runtime.precision(
            ImageRun(run=tmp_path, precision="mixed_float16"), bfloat16_pays_on_cpu=True
        )
