"""What a model must know of the data that it will see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_models.characters import HALF_BYTES

SMALL_IMAGE = 16
"""Pixels of a side."""


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """Of images with class labels.

    Attributes:
        height, width: pixels.
        channels: 1 (grey) or 3 (red, green, blue).
        classes: the class names; a label is an index into them.
        sample: uint8 [some, height, width, channels], training images for initialisations that
            look at data; None when a model is rebuilt only to receive weights.
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...]
    sample: np.ndarray | None = None

    @property
    def is_tiny(self) -> bool:
        """Whether a training step is all overhead, and bfloat16 costs more than it saves."""
        return min(self.height, self.width) < SMALL_IMAGE

    def record(self) -> dict[str, Any]:
        """Returns all but the sample, as JSON keeps it."""
        return {
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "classes": list(self.classes),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ImageSpec":
        """Makes it from its record.

        Raises:
            KeyError, TypeError: it is no such record.
        """
        return cls(**{**record, "classes": tuple(record["classes"])})


@dataclass(frozen=True, kw_only=True)
class TextSpec:
    """Of a text.

    Attributes:
        vocabulary: the characters with a token of their own, sorted (`characters.py`).
    """

    vocabulary: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """How many different tokens there are."""
        return HALF_BYTES + len(self.vocabulary)

    def record(self) -> dict[str, Any]:
        """Returns it as JSON keeps it."""
        return {"vocabulary": list(self.vocabulary)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "TextSpec":
        """Makes it from its record.

        Raises:
            KeyError, TypeError: it is no such record.
        """
        return cls(vocabulary=tuple(record["vocabulary"]))


RUN_FORMAT = 2
"""Of a run's `config.json`, which holds a spec's record."""
SPECS: Mapping[str, Any] = {"images": ImageSpec, "text": TextSpec}
"""By the kind of data that a family reads."""
