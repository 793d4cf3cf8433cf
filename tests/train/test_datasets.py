"""Named sets through Keras' cache; every way in which they can fail says what to do."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_models.errors import BadInput
from train import datasets

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"

PROGRAM = """
import json, sys
from keras_models import backend
backend.prepare()
from keras_models.errors import BadInput
from train import datasets
try:
    for name in sys.argv[1:]:
        data = datasets.load(name)
        parts = [data.training, data.validation, data.test]
        print(json.dumps([[len(part) for part in parts], data.training.pixels.shape[1:]]))
except BadInput as error:
    print(error)
    sys.exit(2)
"""


def load_offline(home, *names):
    """Loads sets in a process whose cache is `home`, and which reaches no other machine."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        cwd=ROOT,
        env={
            "PATH": "",
            "PYTHONPATH": str(ROOT),
            "KERAS_HOME": str(home),
            "http_proxy": NOWHERE,
            "https_proxy": NOWHERE,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(done):
    """The one line that says what is wrong; nothing else may be on the screen."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "http" not in done.stderr
    (line,) = done.stdout.splitlines()
    return line


@pytest.fixture
def home(tmp_path):
    """An empty KERAS_HOME."""
    (tmp_path / "datasets" / "fashion-mnist").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def fashion(keras_home, home):
    """A KERAS_HOME with a copy of Fashion-MNIST that may be damaged."""
    for file in (keras_home / "datasets" / "fashion-mnist").iterdir():
        shutil.copyfile(file, home / "datasets" / "fashion-mnist" / file.name)
    return home


def test_digits_are_there_without_a_download():
    data = datasets.load("digits")
    assert data.spec.height == data.spec.width == 8
    assert data.classes == tuple("0123456789")
    assert data.training.pixels.max() == 255


def test_mnist_and_fashion_mnist_come_from_keras_cache(keras_home):
    done = load_offline(keras_home, "mnist", "fashion_mnist")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert json.loads(line) == [[57500, 2500, 10000], [28, 28, 1]]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "mnist.npz"),
        ("fashion_mnist", "fashion-mnist/t10k-labels-idx1-ubyte.gz"),
        ("cifar10", "cifar-10-batches-py-target_archive"),
    ],
)
def test_offline_the_error_names_every_missing_file_and_its_place(home, name, file):
    done = load_offline(home, name)
    assert "downloading" in done.stderr
    line = refusal(done)
    assert f"{name} could not be downloaded" in line
    assert str(home / "datasets" / file) in line


def test_the_train_command_refuses_a_missing_set_in_one_line(run_command, home):
    done = run_command(
        *("keras-train", "cnn", "--data", "mnist", "--run", home / "run"),
        env={"KERAS_HOME": str(home), "http_proxy": NOWHERE, "https_proxy": NOWHERE},
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("keras-train: error: mnist could not be")
    assert "Traceback" not in done.stderr
    assert not (home / "run").exists()


@pytest.mark.parametrize(
    ("name", "file"), [("mnist", "mnist.npz"), ("cifar10", "cifar-10-batches-py-target_archive")]
)
def test_a_damaged_file_in_keras_cache_is_named(home, name, file):
    place = home / "datasets" / file
    place.write_bytes(b"PK\x03\x04 no archive")
    line = refusal(load_offline(home, name))
    assert f"the cached file {place} is damaged" in line
    assert not place.exists()  # Keras looked at that very file


def test_a_truncated_file_without_a_known_hash_is_named(fashion):
    place = fashion / "datasets" / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    place.write_bytes(place.read_bytes()[:100_000])
    line = refusal(load_offline(fashion, "fashion_mnist"))
    assert f"the cached file {place} is damaged" in line


def test_labels_beyond_the_classes_are_refused(fashion):
    place = fashion / "datasets" / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz"
    labels = bytearray(gzip.decompress(place.read_bytes()))
    labels[100] = 200
    place.write_bytes(gzip.compress(bytes(labels)))
    line = refusal(load_offline(fashion, "fashion_mnist"))
    assert "a label 200 among the ten classes" in line
    assert str(place) in line


@pytest.mark.parametrize("name", ["mnits", "", "no/such/folder", "x" * 5000, "a\nb"])
def test_a_name_that_is_no_set_and_no_folder_lists_the_choices(name):
    with pytest.raises(BadInput, match=r"no data set or folder.*digits, mnist, fashion_mnist"):
        datasets.load(name)


def test_a_file_is_not_taken_for_a_folder(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(BadInput, match=r"x\.png is a file"):
        datasets.load(str(tmp_path / "x.png"))


def test_a_named_set_keeps_its_own_size():
    with pytest.raises(BadInput, match="--image-size is for folders"):
        datasets.load("digits", image_size=16)


def test_a_pixel_of_the_digits_is_its_darkness_on_a_scale_to_255():
    from sklearn.datasets import load_digits

    shown = np.sort(datasets.load("digits").test.pixels.ravel())
    assert set(shown) <= set(np.round(np.unique(load_digits().images) * 255 / 16))
