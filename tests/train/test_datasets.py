"""Named sets through Keras' cache, and any folder of class folders, with errors that help."""

import gzip
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_models.errors import BadInput
from train import datasets


@pytest.fixture
def photographs(tmp_path):
    """Two classes of five colour pictures of differing sizes, PNG and JPEG."""
    random = np.random.default_rng(0)
    for label, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        for index in range(5):
            shape = (20 + index, 30, 3)
            pixels = random.integers(0, 120, shape) + 100 * label
            suffix = "png" if index % 2 else "JPG"
            Image.fromarray(pixels.astype(np.uint8)).save(
                tmp_path / name / f"{index}.{suffix}", "PNG" if index % 2 else "JPEG"
            )
    return tmp_path


def test_digits_are_there_without_a_download():
    data = datasets.load("digits")
    assert data.spec.height == data.spec.width == 8
    assert data.classes == tuple("0123456789")
    assert data.training.pixels.max() == 255


def test_mnist_and_fashion_mnist_come_from_keras_cache(run_command, keras_home, tmp_path):
    for name in ("mnist", "fashion_mnist"):
        done = run_command(
            "keras-train",
            "cnn",
            "--data",
            name,
            "--run",
            tmp_path / name,
            "--batch-size",
            "100000",
            "--epochs",
            "1",
            "--filters",
            "1",
            "--units",
            "0",
            "--convolutions",
            "1",
            env={"KERAS_HOME": str(keras_home)},
        )
        assert done.returncode == 0, done.stderr
        assert "57500 images to train on, 2500 to validate, 10000 to test" in done.stderr


def test_offline_the_error_names_the_file_and_its_place(run_command, tmp_path):
    done = run_command(
        "keras-train",
        "cnn",
        "--data",
        "mnist",
        "--run",
        tmp_path / "run",
        env={
            "KERAS_HOME": str(tmp_path / "home"),
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        },
    )
    assert done.returncode == 2
    assert f"{tmp_path}/home/datasets/mnist.npz" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_damaged_file_in_keras_cache_is_named(run_command, tmp_path):
    cache = tmp_path / "home" / "datasets"
    cache.mkdir(parents=True)
    (cache / "mnist.npz").write_bytes(b"PK\x03\x04 no archive")
    done = run_command(
        "keras-train",
        "cnn",
        "--data",
        "mnist",
        "--run",
        tmp_path / "run",
        env={
            "KERAS_HOME": str(tmp_path / "home"),
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        },
    )
    assert done.returncode == 2
    assert "mnist.npz" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_folder_is_resized_to_the_size_that_was_asked_for(photographs):
    data = datasets.load(str(photographs), image_size=16)
    assert data.classes == ("cats", "dogs")
    assert data.spec.height == data.spec.width == 16
    assert data.spec.channels == 3
    assert len(data.training) + len(data.validation) + len(data.test) == 10


def test_differing_sizes_need_a_size_and_two_files_are_named(photographs):
    with pytest.raises(BadInput, match=r"differ in size.*--image-size"):
        datasets.load(str(photographs))


def test_equal_sizes_need_none_and_grey_pictures_stay_grey(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(4):
            Image.new("L", (9, 7), index * 20).save(tmp_path / name / f"{index}.png")
    data = datasets.load(str(tmp_path))
    assert (data.spec.height, data.spec.width, data.spec.channels) == (7, 9, 1)


def test_a_corrupt_image_among_good_ones_is_named_and_can_be_skipped(photographs):
    (photographs / "dogs" / "0.JPG").write_bytes(
        (photographs / "dogs" / "0.JPG").read_bytes()[:200]
    )
    with pytest.raises(BadInput, match=r"dogs/0\.JPG.*--skip-bad"):
        datasets.load(str(photographs), image_size=16)
    data = datasets.load(str(photographs), image_size=16, skip_bad=True)
    assert data.skipped == 1
    assert len(data.training) + len(data.validation) + len(data.test) == 9


def test_train_and_test_folders_are_kept_apart(photographs, tmp_path):
    whole = tmp_path / "set"
    for part in ("train", "test"):
        for name in ("cats", "dogs"):
            shutil.copytree(photographs / name, whole / part / name)
    data = datasets.load(str(whole), image_size=8)
    assert len(data.test) == 10


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "nowhere", "there is no data set or folder"),
        (lambda p: p, "has no class folders"),
        (lambda p: _file(p / "x.png"), "is a file"),
        (lambda p: _folder(p / "one" / "a"), "has no images"),
    ],
)
def test_what_is_no_data_set_is_refused_with_the_way_out(tmp_path, make, says):
    with pytest.raises(BadInput, match=says):
        datasets.load(str(make(tmp_path)))


def test_one_class_only_is_refused(tmp_path):
    (tmp_path / "cats").mkdir()
    for index in range(3):
        Image.new("L", (8, 8)).save(tmp_path / "cats" / f"{index}.png")
    with pytest.raises(BadInput, match="only one class"):
        datasets.load(str(tmp_path))


def _file(path):
    path.write_bytes(gzip.compress(b""))
    return path


def _folder(path):
    path.mkdir(parents=True)
    return path.parent
