"""Several images as one PNG, side by side, small ones enlarged so that they can be looked at."""

import io

import numpy as np

SMALLEST_SIDE = 64
"""Of an image in the grid, in pixels."""
BORDER = 2


def png(images: np.ndarray) -> bytes:
    """Returns a PNG file of a nearly square grid, row by row.

    Args:
        images: uint8 [images, height, width, 1 or 3].
    """
    from PIL import Image

    columns = int(np.ceil(np.sqrt(len(images))))
    tiles = [_framed(_enlarged(image)) for image in images]
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    pixels = np.vstack(rows)
    content = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(content, "PNG")
    return content.getvalue()


def _enlarged(image: np.ndarray) -> np.ndarray:
    """Shows each pixel as a square."""
    factor = max(1, -(-SMALLEST_SIDE // max(image.shape[:2])))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def _framed(image: np.ndarray) -> np.ndarray:
    border = [(BORDER, BORDER), (BORDER, BORDER), (0, 0)]
    return np.pad(image, border, constant_values=255)
