"""The same model exported twice, by two processes: the same bytes in every file."""

import keras
import pytest
from keras import layers


def network():
    """A convolution, a native GRU, and one whose activation keeps it a loop; two outputs."""
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 1), name="image")
    series = keras.Input((None, 3), name="series")
    x = layers.Flatten()(layers.Conv2D(2, 3, activation="gelu")(image))
    x = layers.BatchNormalization()(x)
    y = layers.GRU(4)(layers.GRU(5, activation="selu", return_sequences=True)(series))
    joined = layers.Concatenate()([x, y])
    scores = layers.Dense(3, activation="softmax")(joined)
    return keras.Model({"image": image, "series": series}, {"scores": scores, "code": y})


@pytest.fixture(scope="module")
def exports(run_command, tmp_path_factory):
    """Two versions of one model, each by a process with its own order of sets."""
    folder = tmp_path_factory.mktemp("twice")
    network().save(folder / "model.keras")
    for seed in ("1", "2"):
        done = run_command(
            "keras-export", folder / "model.keras", "--to", folder, env={"PYTHONHASHSEED": seed}
        )
        assert done.returncode == 0, done.stderr
    return folder / "model" / "1", folder / "model" / "2"


def test_two_processes_write_the_same_files(exports):
    first, second = (
        {p.relative_to(one).as_posix(): p.read_bytes() for p in one.rglob("*") if p.is_file()}
        for one in exports
    )
    assert {"bundle.json", "onnx/serving_default.onnx", "saved_model.pb"} <= set(first)
    assert [name for name in first | second if first.get(name) != second.get(name)] == []
