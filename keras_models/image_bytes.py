"""PNG and JPEG bytes to the pixels that a classifier takes, as TensorFlow operations.

The same arithmetic as `serving/codecs.py` does with Pillow, so that a photograph gives the same
pixels in training, in the SavedModel and in ONNX Runtime's server: equal when no resizing is
needed, within 1 of 255 otherwise (`tests/keras_models/test_image_bytes.py`).
"""

import tensorflow as tf


def decode_image_bytes(contents: tf.Tensor, height: int, width: int, channels: int) -> tf.Tensor:
    """Decodes one image and fits it to a size.

    Args:
        contents: string [], a PNG or JPEG file.
        height, width: of the result, in pixels. Another aspect ratio is cropped in the centre.
        channels: 1 for grey, 3 for red, green, blue; transparency is dropped.

    Returns:
        uint8 [height, width, channels].

    Raises:
        tf.errors.InvalidArgumentError: the bytes are no PNG or JPEG, or a damaged one.
    """
    # The JPEG kernel reads PNG too; the accurate transform is the one that Pillow uses.
    pixels = tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE")
    if channels == 1:
        pixels = _grey(pixels)
    return _fit(pixels, height, width, channels)


def _grey(pixels: tf.Tensor) -> tf.Tensor:
    """ITU-R 601 luma in the fixed-point form of Pillow's `convert("L")`."""
    red, green, blue = tf.unstack(tf.cast(pixels, tf.int32), axis=-1)
    luma = (19595 * red + 38470 * green + 7471 * blue + 32768) // 65536
    return tf.cast(luma, tf.uint8)[..., tf.newaxis]


def _fit(pixels: tf.Tensor, height: int, width: int, channels: int) -> tf.Tensor:
    size = tf.shape(pixels)[:2]
    resized = tf.cond(
        tf.reduce_all(size == [height, width]),
        lambda: pixels,
        lambda: _resize(_crop_to_aspect(pixels, height, width), height, width),
    )
    return tf.ensure_shape(resized, [height, width, channels])


def _crop_to_aspect(pixels: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The largest centred rectangle with the aspect ratio of `height` × `width`."""
    size = tf.shape(pixels)
    crop_height = tf.minimum(size[0], tf.maximum(1, size[1] * height // width))
    crop_width = tf.minimum(size[1], tf.maximum(1, size[0] * width // height))
    top, left = (size[0] - crop_height) // 2, (size[1] - crop_width) // 2
    return pixels[top : top + crop_height, left : left + crop_width]


def _resize(pixels: tf.Tensor, height: int, width: int) -> tf.Tensor:
    smooth = tf.image.resize(pixels, [height, width], method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(smooth), 0, 255), tf.uint8)
