"""What people send and read, and the tensors behind it: images, class names, probabilities.

The manifest says which tensor has which codec, so nothing here knows a model family. A new codec
is one function and one line in a dict below.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serving import characters
from serving.characters import CHARACTERS
from serving.errors import BadInput, NotFound

if TYPE_CHECKING:
    from PIL import Image

LARGEST_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded."""


def decode_image(source: str | Path | bytes, settings: Mapping[str, Any]) -> np.ndarray:
    """Reads a PNG or JPEG and fits it to what the model takes.

    The same arithmetic as `keras_models/image_bytes.py`: transparency is dropped, the centre is
    cropped to the aspect ratio, and the rest resized bilinearly with antialiasing.

    Args:
        source: a path, or the file's bytes.
        settings: `height`, `width`, `channels`.

    Returns:
        uint8 [height, width, channels].

    Raises:
        NotFound: there is no such file.
        BadInput: it is no PNG or JPEG, damaged, or too large.
    """
    from PIL import Image, UnidentifiedImageError

    name = "the image" if isinstance(source, bytes) else str(source)
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > LARGEST_PIXELS:
                raise BadInput(
                    f"{name} has {image.width} × {image.height} pixels: "
                    f"at most {LARGEST_PIXELS:,} are read"
                )
            picture = _in_channels(image, settings["channels"])
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {name}") from error
    except UnidentifiedImageError as error:
        raise BadInput(f"{name} is no PNG or JPEG") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInput(f"{name} cannot be read: {error}") from error
    pixels = np.asarray(_fitted(picture, settings["height"], settings["width"]))
    return pixels.reshape(settings["height"], settings["width"], settings["channels"])


def grid(images: np.ndarray) -> bytes:
    """Writes pictures, uint8 [count, height, width, channels], as one PNG: rows of them."""
    from PIL import Image

    count, height, width, channels = images.shape
    columns = math.isqrt(count - 1) + 1
    rows = -(-count // columns)
    sheet = np.zeros([rows * columns, height, width, channels], np.uint8)
    sheet[:count] = images
    sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    pixels = sheet.reshape(rows * height, columns * width, channels)
    stream = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(stream, "PNG")
    return stream.getvalue()


def _in_channels(image: "Image.Image", channels: int) -> "Image.Image":
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits: the upper eight, as TensorFlow takes them
        image = Image.fromarray((np.asarray(image, np.uint32) >> 8).astype(np.uint8))
    colour = image.convert("RGB")
    return colour.convert("L") if channels == 1 else colour


def _fitted(picture: "Image.Image", height: int, width: int) -> "Image.Image":
    from PIL import Image

    if picture.size == (width, height):
        return picture
    crop_height = min(picture.height, max(1, picture.width * height // width))
    crop_width = min(picture.width, max(1, picture.height * width // height))
    top, left = (picture.height - crop_height) // 2, (picture.width - crop_width) // 2
    cropped = picture.crop((left, top, left + crop_width, top + crop_height))
    return cropped.resize((width, height), Image.Resampling.BILINEAR)


def _class_index(name: str | Path | bytes, settings: Mapping[str, Any]) -> np.ndarray:
    classes: Sequence[str] = settings["classes"]
    asked = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    if asked not in classes:
        known = ", ".join(classes[:20]) + (", …" if len(classes) > 20 else "")
        raise BadInput(f"there is no class {asked!r}: choose one of {known}")
    return np.array(classes.index(asked), np.int32)


def _png_files(images: np.ndarray, settings: Mapping[str, Any]) -> list[bytes]:
    from PIL import Image

    files = []
    for image in images.reshape(-1, *images.shape[-3:]):
        content = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(content, "PNG")
        files.append(content.getvalue())
    return files


def _class_names(labels: np.ndarray, settings: Mapping[str, Any]) -> list[str]:
    classes: Sequence[str] = settings["classes"]
    return [classes[int(label)] for label in np.atleast_1d(labels)]


def _ranked(
    probabilities: np.ndarray, settings: Mapping[str, Any]
) -> list[list[tuple[str, float]]]:
    classes: Sequence[str] = settings["classes"]
    rows = np.atleast_2d(probabilities)
    orders = np.argsort(-rows, axis=1, kind="stable")
    return [
        [(classes[index], float(row[index])) for index in order]
        for row, order in zip(rows, orders, strict=True)
    ]


def _tokens(text: str | Path | bytes, settings: Mapping[str, Any]) -> np.ndarray:
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise BadInput(f"the text is no UTF-8: byte {error.start} of it is wrong") from error
    return characters.encode(str(text) or settings.get("empty", ""), settings["vocabulary"])


def _texts(tokens: np.ndarray, settings: Mapping[str, Any]) -> list[str]:
    rows = np.atleast_2d(tokens)
    return [characters.decode(row, settings["vocabulary"]) for row in rows]


DECODERS: dict[str, Callable[[Any, Mapping[str, Any]], np.ndarray]] = {
    "image": decode_image,
    "class": _class_index,
    CHARACTERS: _tokens,
}
"""From what a person has to one sample of the tensor."""
ENCODERS: dict[str, Callable[[np.ndarray, Mapping[str, Any]], list[Any]]] = {
    "image": _png_files,
    "class": _class_names,
    "probabilities": _ranked,
    CHARACTERS: _texts,
}
"""From the tensor of a batch to what a person reads, one for each sample."""
