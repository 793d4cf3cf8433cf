"""`keras-serve predict` as a person meets it."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def digit(digits_run, tmp_path):
    with np.load(digits_run / "examples.npz") as arrays:
        image, answer = arrays["image"][0], arrays["answer"][0]
    path = tmp_path / "digit.png"
    Image.fromarray(image[..., 0]).resize((80, 80), Image.Resampling.NEAREST).save(path)
    return path, str(answer)


def test_it_prints_classes_with_probabilities_the_likeliest_first(
    run_command, digits_bundle, digit
):
    path, answer = digit
    done = run_command("keras-serve", "predict", digits_bundle.parent, path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].split()[0] == answer
    assert lines[0].endswith("%")


def test_several_images_and_json(run_command, digits_bundle, digit):
    path, answer = digit
    done = run_command("keras-serve", "predict", digits_bundle, path, path, "--json", "--top", "10")
    first, _ = map(json.loads, done.stdout.splitlines())
    assert next(iter(first["classes"])) == answer
    assert sum(first["classes"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("model", "image", "code", "says"),
    [
        ("nowhere", "DIGIT", 2, "no bundle or model folder nowhere"),
        ("BUNDLE", "nowhere.png", 2, "there is no file nowhere.png"),
        ("BUNDLE", "README.md", 2, "README.md is no PNG or JPEG"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    run_command, digits_bundle, digit, model, image, code, says
):
    done = run_command(
        "keras-serve",
        "predict",
        digits_bundle if model == "BUNDLE" else model,
        digit[0] if image == "DIGIT" else image,
    )
    assert done.returncode == code
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_teaches_by_example(run_command):
    done = run_command("keras-serve", "--help")
    assert done.returncode == 0
    assert "keras-serve predict models/digits photo.png" in done.stdout
