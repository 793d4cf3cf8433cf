"""A model that needs its user's own code is refused, unless the user names the file to run."""

import keras
import numpy as np
import pytest
from keras import layers

import serving
from export import archive, keras_file
from export.custom import register
from keras_models.errors import BadInput

CODE = """
import keras
import {beside}

class Doubling(keras.layers.Layer):
    def call(self, x):
        return {beside}.TWO * x

@keras.saving.register_keras_serializable("mine")
class Halving(keras.layers.Layer):
    def call(self, x):
        return x / 2

def wave(x):
    return keras.ops.sin(x)
"""


def written(folder, name):
    """A file of layers, named as no other test's, with one beside it that it imports."""
    (folder / f"beside_{name}.py").write_text("TWO = 2\n")
    (folder / f"{name}.py").write_text(CODE.format(beside=f"beside_{name}"))
    return folder / f"{name}.py"


def saved(folder, name):
    """A model of those layers, and their file."""
    path = written(folder, name)
    register([path])
    module = __import__(name)
    x = keras.Input((3,), name="x")
    y = layers.Dense(2, activation=module.wave)(module.Halving()(module.Doubling()(x)))
    keras.Model(x, y).save(folder / "model.keras")
    return path


def test_it_is_refused_with_the_way_round_and_exported_with_the_file(run_command, tmp_path):
    path = saved(tmp_path, "layers_of_an_export")
    with pytest.raises(BadInput, match=r"Doubling .*name the Python file .* with --custom"):
        archive.check(tmp_path / "model.keras")
    done = run_command("keras-export", tmp_path / "model.keras", "--to", tmp_path, "--custom", path)
    assert done.returncode == 0, done.stderr
    assert f"running {path}, as --custom asks" in done.stderr
    model = keras.models.load_model(tmp_path / "model.keras")
    x = np.ones((2, 3), np.float32)
    (answer,) = serving.load(tmp_path / "model").predict(x=x).values()
    np.testing.assert_allclose(answer, model(x), atol=1e-6)


def test_what_the_file_does_not_define_is_still_refused(tmp_path):
    path = saved(tmp_path, "layers_of_one")
    names = register([path])
    assert names == {"Doubling", "Halving", "mine>Halving", "wave"}
    with pytest.raises(BadInput, match="Halving"):
        archive.check(tmp_path / "model.keras", names - {"mine>Halving"})


def test_a_lambda_of_a_function_that_the_file_defines_is_loaded_and_no_other(tmp_path):
    (tmp_path / "functions_of_a_lambda.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('mine')\n"
        "def tripled(x):\n    return 3 * x\n"
    )
    path, file = tmp_path / "functions_of_a_lambda.py", tmp_path / "model.keras"
    names = register([path])
    tripled = __import__("functions_of_a_lambda").tripled
    keras.Sequential([keras.Input((3,)), layers.Lambda(tripled)]).save(file)
    with pytest.raises(BadInput, match=r"is a Lambda, .*--custom"):
        archive.check(file)
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(keras_file.load(file, [path])(x), 3 * x)
    unnamed = layers.Lambda(lambda x: 3 * x)
    keras.Sequential([keras.Input((3,)), unnamed, layers.Lambda(tripled)]).save(file)
    with pytest.raises(BadInput, match="lambda"):
        archive.check(file, names)
    shaped = layers.Lambda(tripled, output_shape=lambda shape: shape)
    keras.Sequential([keras.Input((3,)), shaped]).save(file)
    with pytest.raises(BadInput, match="lambda"):
        archive.check(file, names)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("nowhere.py", None, "there is no Python file"),
        ("layers.txt", "", "there is no Python file"),
        ("json.py", "", "has the name of another Python module"),
        ("broken_layers.py", "1 / 0", "cannot be run: ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_cannot_be_run_is_one_error(name, code, says, tmp_path):
    if code is not None:
        (tmp_path / name).write_text(code)
    with pytest.raises(BadInput, match=says):
        register([tmp_path / name])


def test_a_file_that_needs_a_class_says_so_when_it_is_loaded(tmp_path):
    saved(tmp_path, "layers_of_another")
    with pytest.raises(BadInput, match="--custom"):
        keras_file.load(tmp_path / "model.keras")


def test_files_of_one_folder_are_given_one_after_the_other(tmp_path):
    for name in ("layers_of_first", "layers_of_second"):
        (tmp_path / f"{name}.py").write_text(f"def {name}_wave(x):\n    return x\n")
    names = register([tmp_path / "layers_of_first.py", tmp_path / "layers_of_second.py"])
    assert names == {"layers_of_first_wave", "layers_of_second_wave"}
