"""What a classifier shows of itself: what it confuses, its worst mistakes, what its layers see."""

from collections.abc import Sequence

import keras
import numpy as np
from PIL import Image, ImageDraw

from keras_models.classification import classified
from keras_models.data_spec import ImageSpec
from keras_models.family import Examples
from keras_models.observation import Distribution, Observation, Picture
from keras_models.picture_grid import enlarged, grid

MISTAKES = 24
"""Worst mistakes in the grid."""
CELL = 44
"""Side of a cell of the confusion matrix, in pixels."""
LARGEST_MATRIX = 25
"""With more classes the matrix would be a carpet."""
MAPS = 16
"""Feature maps and kernels that are shown at most."""


def observe(model: keras.Model, examples: Examples[ImageSpec]) -> dict[str, Observation]:
    """Looks at a classifier through validation samples.

    Args:
        model: uint8 images → logits.
        examples: validation images with their classes.

    Returns:
        pictures `confusion_matrix`, `worst_mistakes` (where there are any), `kernels/<layer>` and
        `feature_maps/<layer>` of the first convolution; a distribution `weights/<layer>` per
        kernel.
    """
    images = examples.inputs["image"]
    probabilities = classified(model, images)
    shown: dict[str, Observation] = {}
    names = examples.spec.classes
    if len(names) <= LARGEST_MATRIX:
        shown["confusion_matrix"] = _confusion_matrix(probabilities, examples.answers, names)
    if np.any(probabilities.argmax(axis=1) != examples.answers):
        shown["worst_mistakes"] = _worst_mistakes(images, probabilities, examples.answers, names)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    if convolutions:
        first = convolutions[0]
        shown[f"kernels/{first.name}"] = _kernels(first)
        shown[f"feature_maps/{first.name}"] = _feature_maps(model, first, images[:1])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            values = np.asarray(layer.kernel, np.float32)
            shown[f"weights/{layer.name}"] = Distribution(values=values)
    return shown


def _confusion_matrix(
    probabilities: np.ndarray, answers: np.ndarray, names: Sequence[str]
) -> Picture:
    count = len(names)
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (answers, probabilities.argmax(axis=1)), 1)
    margin = 12 + 7 * max(len(name) for name in names)
    canvas = Image.new("RGB", (margin + CELL * count, margin + CELL * count), "white")
    draw = ImageDraw.Draw(canvas)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    for row in range(count):
        middle = margin + CELL * row + CELL // 2
        draw.text((margin - 6, middle), names[row], fill="black", anchor="rm")
        _draw_upright(canvas, (middle, margin - 6), names[row])
        for column in range(count):
            _draw_cell(draw, margin, row, column, matrix[row, column], share[row, column])
    return Picture(
        pixels=np.asarray(canvas)[np.newaxis],
        caption="Rows: the right class. Columns: the model's. Counts of validation images.",
    )


def _draw_cell(
    draw: ImageDraw.ImageDraw, margin: int, row: int, column: int, count: int, share: float
) -> None:
    left, top = margin + CELL * column, margin + CELL * row
    faded = round(255 * (1 - share))
    colour = (faded, faded, 255) if row == column else (255, faded, faded)
    draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), fill=colour, outline="lightgrey")
    if count:
        ink = "white" if share > 0.5 else "black"
        draw.text((left + CELL // 2, top + CELL // 2), str(count), fill=ink, anchor="mm")


def _draw_upright(canvas: Image.Image, bottom: tuple[int, int], text: str) -> None:
    label = Image.new("RGB", (7 * len(text) + 4, 12), "white")
    ImageDraw.Draw(label).text((1, 6), text, fill="black", anchor="lm")
    turned = label.rotate(90, expand=True)
    canvas.paste(turned, (bottom[0] - 6, bottom[1] - turned.height))


def _worst_mistakes(
    images: np.ndarray, probabilities: np.ndarray, answers: np.ndarray, names: Sequence[str]
) -> Picture:
    guesses = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(guesses != answers)
    sureness = probabilities[wrong, guesses[wrong]]
    worst = wrong[np.argsort(-sureness, kind="stable")][:MISTAKES]
    tiles = [
        _labelled(
            images[index],
            f"is {names[answers[index]]}",
            f"{names[guesses[index]]} {probabilities[index, guesses[index]]:.0%}",
        )
        for index in worst
    ]
    return Picture(
        pixels=grid(tiles, columns=6)[np.newaxis],
        caption="What the model was most sure of and wrong about: the right class, then its own.",
    )


def _labelled(pixels: np.ndarray, above: str, below: str) -> np.ndarray:
    picture = Image.fromarray(enlarged(pixels))
    width = max(picture.width, 7 * max(len(above), len(below)) + 4)
    tile = Image.new("RGB", (width, picture.height + 30), "white")
    tile.paste(picture, ((width - picture.width) // 2, 0))
    draw = ImageDraw.Draw(tile)
    draw.text((width // 2, picture.height + 8), above, fill="black", anchor="mm")
    draw.text((width // 2, picture.height + 22), below, fill="red", anchor="mm")
    return np.asarray(tile)


def _kernels(layer: keras.layers.Conv2D) -> Picture:
    kernel = np.asarray(layer.kernel, np.float32)  # [height, width, channels, filters]
    if kernel.shape[2] not in (1, 3):
        kernel = kernel.mean(axis=2, keepdims=True)
    tiles = [
        enlarged(_as_pixels(kernel[..., index])) for index in range(min(kernel.shape[-1], 4 * MAPS))
    ]
    return Picture(
        pixels=grid(tiles, columns=8)[np.newaxis],
        caption=f"The kernels of {layer.name}: the edges, spots and colours that it answers to.",
    )


def _feature_maps(model: keras.Model, layer: keras.layers.Conv2D, image: np.ndarray) -> Picture:
    maps = np.asarray(keras.Model(model.input, layer.output)(image, training=False), np.float32)[0]
    tiles = [enlarged(image[0])]
    for index in range(min(maps.shape[-1], MAPS)):
        tiles.append(enlarged(_as_pixels(maps[..., index : index + 1])))
    return Picture(
        pixels=grid(tiles, columns=6)[np.newaxis],
        caption=f"A validation image, and where in it the kernels of {layer.name} answer.",
    )


def _as_pixels(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return np.asarray(255 * (values - low) / max(high - low, 1e-9)).astype(np.uint8)
