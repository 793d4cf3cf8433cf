"""What a family shows of a model while it learns, as plain values.

`train/tensorboard.py` writes them; a family never touches a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Images to look at.

    Attributes:
        pixels: uint8 [images, height, width, channels], 1 or 3 channels.
        caption: a sentence that says what is seen.
        is_animated: whether the run keeps it of every look, as a picture that moves.
    """

    pixels: np.ndarray
    caption: str = ""
    is_animated: bool = False


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Text to read, as Markdown."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Numbers whose histogram is of interest: float [any shape]."""

    values: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """Points in a space, to be looked at in two or three of its dimensions.

    Attributes:
        vectors: float [points, dimensions].
        labels: what each point is, in one line.
    """

    vectors: np.ndarray
    labels: Sequence[str]


Observation = Picture | Sample | Distribution | Embedding
