"""`keras-serve predict` as a person meets it."""

import json

import numpy as np
import pytest
from PIL import Image

import serving


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


def test_images_of_a_seed_are_written_as_a_grid(run_command, gan_bundle, tmp_path):
    asked = ["--seed", "1", "--count", "16", "--out"]
    for name, label in (("seven", "7"), ("again", "7"), ("one", "1")):
        out = tmp_path / f"{name}.png"
        done = run_command(
            "keras-serve", "predict", gan_bundle.parent, "--label", label, *asked, out
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{out}\n"
    with Image.open(tmp_path / "seven.png") as grid:
        assert grid.size == (4 * (64 + 4), 4 * (64 + 4))
        pixels = np.asarray(grid)
    made = serving.load(gan_bundle).predict("sample", seed=1, count=16, label=7)["image"]
    np.testing.assert_array_equal(pixels[2:66:8, 2:66:8], made[0, ..., 0])
    np.testing.assert_array_equal(pixels[-66:-2:8, -66:-2:8], made[-1, ..., 0])
    seven, again, one = ((tmp_path / f"{n}.png").read_bytes() for n in ("seven", "again", "one"))
    assert seven == again != one


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "gan makes images: name the PNG file for them with --out"),
        (["--label", "eleven", "--out", "grid.png"], "there is no class 'eleven': choose one of 0"),
        (["--count", "0", "--out", "grid.png"], "count must be at least 1"),
        (["--count", "1000000", "--out", "grid.png"], "count must be at most 1000"),
        (["--out", "/nowhere/grid.png"], "cannot write /nowhere/grid.png"),
        (["photo.png", "--out", "grid.png"], "takes no image files"),
    ],
)
def test_wishes_that_no_generator_can_fulfil(run_command, gan_bundle, tmp_path, words, says):
    done = run_command("keras-serve", "predict", gan_bundle, *words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "grid.png").exists()


def test_a_classifier_makes_no_images(run_command, digits_bundle):
    done = run_command("keras-serve", "predict", digits_bundle, "--out", "grid.png")
    assert done.returncode == 2
    assert "digits makes no images" in done.stderr
