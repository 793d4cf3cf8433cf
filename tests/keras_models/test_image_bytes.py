"""TensorFlow's decoding (training, SavedModel) and Pillow's (serving) give the same pixels."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_models.image_bytes import decode_image_bytes
from serving.codecs import decode_image


def encoded(image, kind):
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 90} if kind == "JPEG" else {}))
    return file.getvalue()


@pytest.fixture(scope="module")
def photograph():
    """A smooth colour picture with edges, 40 × 60 pixels."""
    y, x = np.mgrid[:40, :60]
    channels = [np.sin(x / 7) * 100 + 128, (y * 6) % 256, np.where(x > y, 220, 30)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1"])
def test_of_the_right_size_every_pixel_is_equal(photograph, kind, mode, channels):
    if kind == "JPEG" and mode in ("RGBA", "P", "1"):
        pytest.skip("JPEG has no such mode")
    contents = encoded(photograph.convert(mode), kind)
    ours = decode_image_bytes(tf.constant(contents), 40, 60, channels).numpy()
    theirs = decode_image(contents, {"height": 40, "width": 60, "channels": channels})
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("size", [(8, 8), (20, 30), (40, 40), (64, 64), (100, 30)])
def test_resized_they_differ_by_at_most_one(photograph, size):
    contents = encoded(photograph, "PNG")
    ours = decode_image_bytes(tf.constant(contents), *size, 3).numpy().astype(int)
    theirs = decode_image(contents, {"height": size[0], "width": size[1], "channels": 3})
    assert np.abs(ours - theirs).max() <= 1


def test_sixteen_bits_become_eight():
    deep = Image.fromarray((np.arange(64, dtype=np.uint16) * 1000).reshape(8, 8))
    contents = encoded(deep, "PNG")
    ours = decode_image_bytes(tf.constant(contents), 8, 8, 1).numpy()
    theirs = decode_image(contents, {"height": 8, "width": 8, "channels": 1})
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("contents", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_image_is_an_error(contents):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image_bytes(tf.constant(contents), 8, 8, 1)
