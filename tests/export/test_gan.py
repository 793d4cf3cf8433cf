"""A generator's bundle: the same seed makes the same images everywhere, and nonsense is refused."""

import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_models
import serving
from keras_models.data_spec import ImageSpec
from keras_models.gan_signatures import latents
from serving.errors import BadInput


@pytest.fixture(scope="module")
def saved(gan_bundle):
    return tf.saved_model.load(str(gan_bundle)).signatures


@pytest.fixture(scope="module")
def model(gan_bundle):
    return serving.load(gan_bundle)


@pytest.fixture(scope="module")
def in_keras(gan_run):
    spec = ImageSpec.from_record(json.loads((gan_run / "config.json").read_text())["spec"])
    family = keras_models.get("gan")
    loaded = keras.saving.load_model(gan_run / "model.keras")
    return {signature.name: signature.function for signature in family.signatures(loaded, spec)}


def wishes(seed=5, count=30, label=3):
    return {
        "seed": tf.constant(seed, tf.int64),
        "count": tf.constant(count),
        "label": tf.constant(label),
    }


@pytest.mark.parametrize("label", [3, -1])
@pytest.mark.parametrize("seed", [0, 5, 2**63 - 1])
def test_a_seed_makes_the_same_images_in_every_runtime(saved, model, in_keras, seed, label):
    asked = wishes(seed=seed, label=label)
    images = [
        in_keras["sample"](**asked)["image"].numpy(),
        saved["sample"](**asked)["image"].numpy(),
        model.predict("sample", seed=seed, count=30, label=label)["image"],
    ]
    for other in images[1:]:
        assert np.abs(images[0].astype(int) - other).max() <= 1
        assert np.mean(images[0] != other) < 0.01
    assert images[0].shape == (30, 8, 8, 1)
    assert len({image.tobytes() for image in images[0]}) == 30


def test_more_images_begin_with_the_same_ones_and_the_label_decides(model):
    few, many, other = (
        model.predict("sample", seed=1, count=count, label=label)["image"]
        for count, label in ((4, 7), (9, 7), (4, 1))
    )
    np.testing.assert_array_equal(many[:4], few)
    assert np.any(few != other)


def test_sample_is_serving_default_of_the_seeds_latents(model):
    latent = latents(tf.constant(9, tf.int64), tf.constant(6), 64).numpy()
    given = model.predict(latent=latent, label=[2] * 6)["image"]
    sampled = model.predict("sample", seed=9, count=6, label=2)["image"]
    assert np.abs(given.astype(int) - sampled).max() <= 1


def test_each_class_in_turn(model):
    in_turn = model.predict("sample", seed=4, count=12, label=-1)["image"]
    seventh = model.predict("sample", seed=4, count=12, label="7")["image"]
    np.testing.assert_array_equal(in_turn[7], seventh[7])


def test_a_tf_serving_client_gets_png_files(saved):
    files = saved["sample_png"](**wishes(count=3))["png"].numpy()
    images = saved["sample"](**wishes(count=3))["image"].numpy()
    for file, image in zip(files, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))), image[..., 0])


def test_people_get_png_files_too(model):
    answers = model.predict("sample", seed=4, count=2, label=0)
    files = model.readable(answers, "sample")["image"]
    for file, image in zip(files, answers["image"], strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))), image[..., 0])


def test_the_discriminator_gives_a_probability_for_each_image(model, in_keras, gan_run):
    with np.load(gan_run / "examples.npz") as arrays:
        image, label = arrays["image"][:20], arrays["label"][:20]
    served = model.predict("discriminate", image=image, label=label)["probability"]
    expected = in_keras["discriminate"](image=tf.constant(image), label=tf.constant(label))
    np.testing.assert_allclose(served, expected["probability"], atol=1e-5)
    assert served.shape == (20,)
    assert np.all((served > 0) & (served < 1))


def latent_of(width=64, value=0.0):
    return np.full((2, width), value, np.float32)


@pytest.mark.parametrize(
    ("signature", "inputs", "says"),
    [
        ("sample", {"seed": 0, "count": 0, "label": 1}, "count must be at least 1"),
        ("sample", {"seed": 0, "count": 10**6, "label": 1}, "count must be at most 1000"),
        ("sample", {"seed": -1, "count": 1, "label": 1}, "seed must be at least 0"),
        ("sample", {"seed": 0, "count": 1, "label": 10}, "label must be at most 9"),
        ("sample", {"seed": 0, "count": 1, "label": "ten"}, "there is no class 'ten'"),
        ("sample", {"seed": 0, "count": 1, "label": -2}, "label must be at least -1"),
        ("serving_default", {"latent": latent_of(63), "label": [1, 1]}, "latent is float32"),
        ("serving_default", {"latent": latent_of(), "label": [1, -1]}, "label must be at least 0"),
        ("serving_default", {"latent": latent_of(value=np.nan), "label": [1, 1]}, "latent must be"),
        ("serving_default", {"latent": latent_of(value=np.inf), "label": [1, 1]}, "latent must be"),
        (
            "discriminate",
            {"image": np.zeros((2, 9, 8, 1), np.uint8), "label": [0, 0]},
            r"image is uint8 \[batch, 8, 8, 1\], got shape \[2, 9, 8, 1\]",
        ),
    ],
)
def test_what_makes_no_sense_is_named_and_refused(model, signature, inputs, says):
    with pytest.raises(BadInput, match=says):
        model.predict(signature, **inputs)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"count": 0}, "count must be at least 1"),
        ({"count": 10**6}, "count must be at most 1000"),
        ({"label": 10}, "label must be at most 9"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_the_savedmodel_refuses_them_too(saved, asked, says):
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        saved["sample"](**wishes(**asked))


def test_the_savedmodel_refuses_latents_that_are_no_numbers(saved):
    with pytest.raises(tf.errors.InvalidArgumentError, match="latent must be at"):
        saved["serving_default"](
            latent=tf.constant(latent_of(value=np.nan)), label=tf.constant([1, 1])
        )


def test_every_signature_is_proven(gan_bundle):
    manifest = json.loads((gan_bundle / "bundle.json").read_text())
    proven = {(proof["runtime"], proof["signature"]) for proof in manifest["proof"]}
    four = {"serving_default", "sample", "discriminate"}
    assert proven == {(runtime, name) for runtime in ("savedmodel", "onnx") for name in four} | {
        ("savedmodel", "sample_png")
    }
    card = (gan_bundle / "README.md").read_text()
    assert f"keras-serve predict {manifest['name']} --out grid.png" in card
