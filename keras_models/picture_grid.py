"""Small images as large ones, side by side."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

TILE = 72
"""Smallest side of a picture in a grid, in pixels."""


def enlarged(pixels: np.ndarray, side: int = TILE) -> np.ndarray:
    """Shows each pixel as a square: small images are looked at, not smoothed.

    Args:
        pixels: uint8 [height, width, 1 or 3].
        side: as near as whole squares come to it from below, but never smaller than the image.

    Returns:
        uint8 [height, width, 3].
    """
    picture = Image.fromarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels)
    factor = max(1, side // max(picture.size))
    larger = picture.resize(
        (picture.width * factor, picture.height * factor), Image.Resampling.NEAREST
    )
    return np.asarray(larger)


def grid(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Lays pictures out in rows, on white: uint8 [height, width, 3]."""
    height = max(tile.shape[0] for tile in tiles) + 4
    width = max(tile.shape[1] for tile in tiles) + 4
    rows = -(-len(tiles) // columns)
    canvas = np.full((rows * height, min(columns, len(tiles)) * width, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // columns * height + 2, index % columns * width + 2
        canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return canvas
