"""The same model, exported in two processes: the same bytes, but for what TensorFlow makes up."""

import json

import keras
import pytest
from keras import layers

from serving import bundle


@pytest.fixture(scope="module")
def twice(run_command, tmp_path_factory):
    """Two bundles of one file, made by two processes with the same date."""
    folder = tmp_path_factory.mktemp("twice")
    image = keras.Input((8, 8, 1), name="image")
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, use_bias=False)(image))
    x = layers.Reshape((6, 24))(layers.ReLU()(x))
    x = layers.Bidirectional(layers.GRU(3))(x)
    model = keras.Model(image, layers.Dense(3, activation="gelu", name="scores")(x))
    model.save(folder / "model.keras")
    for name in ("one", "two"):
        done = run_command(
            "keras-export", folder / "model.keras", "--to", folder / name,
            env={"SOURCE_DATE_EPOCH": "1700000000"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return [folder / name / "model" / "1" for name in ("one", "two")]


def test_graphs_golden_outputs_card_and_warm_up_are_the_same_bytes(twice):
    first, second = ({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
                      if path.is_file()} for folder in twice)  # fmt: skip
    assert set(first) == set(second)
    differing = {str(name) for name, content in first.items() if content != second[name]}
    assert differing <= {"fingerprint.pb", "saved_model.pb", "bundle.json"}


def test_the_manifests_differ_in_the_hashes_of_tensorflows_two_files_alone(twice):
    first, second = (json.loads((folder / bundle.MANIFEST).read_text()) for folder in twice)
    for manifest in (first, second):
        for name in ("fingerprint.pb", "saved_model.pb"):
            del manifest["files"][name]
    assert first == second
