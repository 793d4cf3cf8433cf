"""TensorFlow's decoding (training, SavedModel) and Pillow's (serving) give the same pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_models.image_bytes import decode_image_bytes
from serving.codecs import decode_image

HEIGHT, WIDTH = 41, 60


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def raw_png(depth, colour_type, rows):
    """A PNG of a kind that Pillow reads but does not write."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def picture():
    """A smooth colour gradient with edges and a corner of noise."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    channels = [np.sin(x / 7) * 100 + 128, (y * 6) % 256, np.where(x > y, 220, 30)]
    pixels = np.stack(channels, axis=-1).astype(np.uint8)
    pixels[:20, :20] = np.random.default_rng(0).integers(0, 256, (20, 20, 3))
    return Image.fromarray(pixels)


def files():
    """One file of each kind that people have, by what it is."""
    colour, random = picture(), np.random.default_rng(1)
    modes = {mode: colour.convert(mode) for mode in ("RGB", "L", "RGBA", "LA", "P", "1")}
    modes["RGBA"].putalpha(colour.convert("L"))
    made = {f"PNG {mode}": encoded(image, "PNG") for mode, image in modes.items()}
    made["PNG palette with a transparent colour"] = encoded(modes["P"], "PNG", transparency=0)
    made["PNG palette of 2 bits"] = encoded(colour.quantize(4), "PNG", bits=2)
    for depth in (2, 4):
        rows = random.integers(0, 256, (HEIGHT, WIDTH * depth // 8), dtype=np.uint8)
        made[f"PNG grey of {depth} bits"] = raw_png(depth, 0, rows)
    deep = random.integers(0, 2**16, (HEIGHT, WIDTH * 3)).astype(">u2")
    made["PNG grey of 16 bits"] = raw_png(16, 0, deep[:, :WIDTH])
    made["PNG colour of 16 bits"] = raw_png(16, 2, deep)
    for subsampling in (0, 1, 2):
        made[f"JPEG subsampling {subsampling}"] = encoded(colour, "JPEG", subsampling=subsampling)
    made["JPEG progressive"] = encoded(colour, "JPEG", progressive=True, quality=90)
    made["JPEG grey"] = encoded(modes["L"], "JPEG")
    turned = Image.Exif()
    turned[0x0112] = 6
    made["JPEG with an orientation"] = encoded(colour, "JPEG", exif=turned)
    made["JPEG with something after its end"] = encoded(colour, "JPEG") + b"more"
    return made


FILES = files()


def both(contents, height, width, channels):
    ours = decode_image_bytes(tf.constant(contents), height, width, channels).numpy()
    settings = {"height": height, "width": width, "channels": channels}
    return ours, decode_image(contents, settings)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", FILES)
def test_of_the_right_size_every_pixel_is_equal(kind, channels):
    ours, theirs = both(FILES[kind], HEIGHT, WIDTH, channels)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(8, 8), (20, 30), (41, 41), (64, 64), (100, 30), (82, 120)])
@pytest.mark.parametrize("kind", ["PNG RGB", "PNG grey of 16 bits", "JPEG subsampling 2"])
def test_resized_they_differ_by_at_most_one(kind, size, channels):
    ours, theirs = both(FILES[kind], *size, channels)
    # Pillow rounds between its two passes, TensorFlow only at the end.
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (1, 1)])
def test_the_thinnest_pictures_fit_too(size):
    pixels = np.random.default_rng(2).integers(0, 256, (*size, 3)).astype(np.uint8)
    ours, theirs = both(encoded(Image.fromarray(pixels), "PNG"), 16, 8, 3)
    assert ours.shape == (16, 8, 3)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_another_aspect_ratio_is_cropped_in_the_centre():
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 200
    ours, _ = both(encoded(Image.fromarray(pixels), "PNG"), 10, 10, 3)
    np.testing.assert_array_equal(ours, pixels[:, 10:20])


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"no image",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        FILES["PNG RGB"][:-200],
        FILES["JPEG progressive"][:-200],
        encoded(picture(), "BMP"),
    ],
    ids=["nothing", "text", "no PNG", "half a PNG", "half a JPEG", "another format"],
)
def test_what_is_no_whole_image_is_an_error(contents):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image_bytes(tf.constant(contents), 8, 8, 1)
