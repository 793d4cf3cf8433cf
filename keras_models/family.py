"""The contract between a model family and the rooms that train, export and serve it.

A family is one frozen record of functions. Whoever can fill it in gets training, TensorBoard,
export, proof and serving without another line.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import keras
import numpy as np

from keras_models.gradients import of_loss
from keras_models.judge import Judge
from keras_models.observation import Observation
from keras_models.signature import Signature
from keras_models.training import Training

C = TypeVar("C")
S = TypeVar("S")

Reads = Literal["images", "text"]
"""The kinds of data."""


@dataclass(frozen=True, kw_only=True)
class Examples(Generic[S]):
    """Held-out samples with their answers, kept in memory.

    Attributes:
        inputs: by input name of `serving_default`, first axis is the sample.
        answers: int64 [samples], the right class of each; of texts, what follows each token,
            int32 [samples, time].
        spec: what they are samples of.
        judge: who tells how good made samples are, of a family that is judged.
    """

    inputs: Mapping[str, np.ndarray]
    answers: np.ndarray
    spec: S
    judge: Judge | None = None


@dataclass(frozen=True, kw_only=True)
class Preset(Generic[C]):
    """A recipe: architecture and training numbers that were measured together."""

    summary: str
    model: C
    training: Training


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """The validation figure that chooses the model which is kept."""

    metric: str
    mode: Literal["max", "min"]


@dataclass(frozen=True, kw_only=True)
class Family(Generic[C, S]):
    """All that the other rooms know of a family, whose config is a C and whose data an S describes.

    Attributes:
        name: as in `keras_models.FAMILIES`.
        summary: a sentence for `--help` and the model card.
        reads: the kind of data set that feeds it.
        presets: recipes by name; the first is the default.
        build: compiled Keras model, ready for `fit`, under the dtype policy in force; told the
            config, how it is trained, the data, and how many steps make an epoch.
        bfloat16_pays_on_cpu: whether a training step is faster so, on processors with instructions
            for it; told the config and the data.
        best: what decides which epoch's model is kept.
        signatures: what the finished model serves, preprocessing inside.
        measure: figures of a model on held-out examples, by name: accuracy, loss.
        headline: a sentence with the test figures, to be filled in with `format`.
        observe: what to show after an epoch; plain values by name.
        follow: figures on held-out examples while training, at intervals, where no loss tells how
            good the model is; such a family is measured by a judge. None for one whose own metrics
            do.
        gradients: of each weight on held-out examples, to be looked at.
        examples: what the run keeps of held-out samples for its signatures: the inputs of
            `serving_default`, and what others make theirs of; None where they are the samples.
    """

    name: str
    summary: str
    reads: Reads
    presets: Mapping[str, Preset[C]]
    build: Callable[[C, Any, S, int], keras.Model]
    bfloat16_pays_on_cpu: Callable[[C, S], bool]
    best: Monitor
    signatures: Callable[[keras.Model, S], Sequence[Signature]]
    measure: Callable[[keras.Model, Examples[S]], Mapping[str, float]]
    headline: str
    observe: Callable[[keras.Model, Examples[S]], Mapping[str, Observation]]
    follow: Callable[[keras.Model, Examples[S]], Mapping[str, float]] | None = None
    gradients: Callable[[Any, Examples[S]], Iterable[tuple[Any, Any]]] = of_loss
    examples: Callable[[keras.Model, Examples[S]], Mapping[str, np.ndarray]] | None = None
