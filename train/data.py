"""What `fit` asks of a data set, whatever it holds, and of what makes batches of it."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import tensorflow as tf

from keras_models.family import Examples

D = TypeVar("D", contravariant=True)


class Spec(Protocol):
    """What a model must know of the data."""

    def record(self) -> dict[str, Any]:
        """Returns it as JSON keeps it."""


class Data(Protocol):
    """A data set, split into a training, a validation and a test part."""

    @property
    def spec(self) -> Any:
        """What a model must know of it: a `Spec`."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all of it, in hexadecimal."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """How much there is in each part, in its own unit."""

    @property
    def summary(self) -> str:
        """What it is, for people: how much of what."""

    def examples(self) -> Examples[Any]:
        """Returns some hundred validation samples."""

    def validation_examples(self) -> Examples[Any]:
        """Returns the validation part."""

    def test_examples(self) -> Examples[Any]:
        """Returns the test part."""


class Pipeline(Protocol[D]):
    """A module of these functions for one kind of data."""

    def fitted(self, data: D, training: Any) -> Any:
        """Returns the training settings with a batch that is no larger than the data."""

    def steps_per_epoch(self, data: D, training: Any) -> int:
        """Returns the optimizer steps in an epoch."""

    def training_batches(
        self, data: D, training: Any, *, seed: int, start_step: int = 0
    ) -> tf.data.Dataset:
        """Returns the batches from a step on to the end of the run, the same whatever the step."""

    def validation_batches(self, data: D, training: Any) -> tf.data.Dataset:
        """Returns the validation part, in order."""
