"""Prediction without TensorFlow: what a person has goes in, answers come out."""

import shutil

import numpy as np
import pytest
from PIL import Image

import serving
from serving.errors import BadInput, DamagedBundle, NotFound


@pytest.fixture(scope="module")
def samples(digits_run):
    with np.load(digits_run / "examples.npz") as arrays:
        return arrays["image"], arrays["answer"]


@pytest.fixture(scope="module")
def model(digits_bundle):
    return serving.load(digits_bundle)


def test_it_is_right_about_digits_it_never_saw(model, samples):
    images, answers = samples
    assert np.mean(model.predict(image=images)["label"] == answers) > 0.9


def test_one_sample_needs_no_batch_axis_and_gets_none(model, samples):
    images, _ = samples
    one, batch = model.predict(image=images[0]), model.predict(image=images[:1])
    assert one["label"].shape == ()
    assert one["probabilities"].shape == (10,)
    np.testing.assert_array_equal(one["probabilities"], batch["probabilities"][0])


def test_paths_bytes_and_lists_of_them_are_read(model, samples, tmp_path):
    images, _ = samples
    path = tmp_path / "digit.png"
    Image.fromarray(images[0, ..., 0]).save(path)
    expected = model.predict(image=images[0])["probabilities"]
    for given in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(model.predict(image=given)["probabilities"], expected)
    assert model.predict(image=[path, str(path)])["label"].shape == (2,)


def test_no_rows_in_no_rows_out(model):
    answers = model.predict(image=np.zeros((0, 8, 8, 1), np.uint8))
    assert answers["probabilities"].shape == (0, 10)
    assert answers["label"].dtype == np.int64


def test_readable_answers_are_class_names_and_ranked_probabilities(model, samples):
    images, _ = samples
    answers = model.predict(image=images[:2])
    readable = model.readable(answers)
    assert readable["label"] == [str(label) for label in answers["label"]]
    name, probability = readable["probabilities"][0][0]
    assert name == readable["label"][0]
    assert probability == pytest.approx(answers["probabilities"][0].max())


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((8, 8, 1), np.float32) + 0.5, "do not fit"),
        (np.full((8, 8, 1), 300), "do not fit"),
        (np.full((8, 8, 1), -1), "do not fit"),
        (np.zeros((9, 9, 1), np.uint8), r"image is uint8 \[batch, 8, 8, 1\], got shape"),
        (np.zeros((8,), np.uint8), "got shape"),
        ([[1, 2], [3]], "no array of it"),
        ("a" * 10 + ".png", "there is no file"),
        (b"GIF89a", "no PNG or JPEG"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_cast_silently(model, image, says):
    with pytest.raises((BadInput, NotFound), match=says):
        model.predict(image=image)


def test_whole_numbers_that_fit_are_taken_whatever_their_type(model, samples):
    images, _ = samples
    as_list = images[0].tolist()
    np.testing.assert_array_equal(
        model.predict(image=as_list)["probabilities"],
        model.predict(image=images[0])["probabilities"],
    )


def test_unknown_inputs_and_signatures_are_named(model):
    with pytest.raises(BadInput, match="takes image; got picture"):
        model.predict(picture=1)
    with pytest.raises(BadInput, match="takes image; got nothing"):
        model.predict()
    with pytest.raises(NotFound, match="has no signature 'x'"):
        model.predict("x")
    with pytest.raises(NotFound, match="in the SavedModel alone"):
        model.predict("classify_image_bytes", image_bytes=[b""])


def test_the_highest_version_is_taken_by_number_not_by_spelling(digits_bundle, tmp_path):
    for version in ("2", "10", ".staging-1-x"):
        shutil.copytree(digits_bundle, tmp_path / "digits" / version)
    assert serving.load(tmp_path / "digits").folder.name == "10"


def test_a_model_folder_without_versions_says_so(tmp_path):
    with pytest.raises(NotFound, match="holds no version"):
        serving.load(tmp_path)
    with pytest.raises(NotFound, match="no bundle or model folder"):
        serving.load(tmp_path / "nowhere")


def test_a_changed_graph_is_never_run(digits_bundle, tmp_path):
    copy = tmp_path / "1"
    shutil.copytree(digits_bundle, copy)
    graph = copy / "onnx" / "serving_default.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    with pytest.raises(DamagedBundle, match="hash differs"):
        serving.load(copy).predict(image=np.zeros((8, 8, 1), np.uint8))


def test_extra_axis_is_not_guessed_away(model):
    with pytest.raises(BadInput, match="got shape"):
        model.predict(image=np.zeros((1, 1, 8, 8, 1), np.uint8))
