"""The kinds of data: how each is loaded, and what makes batches of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras_models.family import Reads
from train import corpus, datasets, image_pipeline, text_pipeline
from train.data import Data, Pipeline


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of data.

    Attributes:
        load: from the run's settings to the data.
        pipeline: from the data to batches.
    """

    load: Callable[[Any], Data]
    pipeline: Pipeline[Any]


KINDS: dict[Reads, Kind] = {
    "images": Kind(
        load=lambda run: datasets.load(
            run.data, image_size=run.image_size or None, skip_bad=run.skip_bad
        ),
        pipeline=image_pipeline,
    ),
    "text": Kind(load=lambda run: corpus.load(run.data), pipeline=text_pipeline),
}
"""By what a family reads."""
