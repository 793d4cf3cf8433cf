"""The contract between a model family and the rooms that train, export and serve it.

A family is one frozen record of functions. Whoever can fill it in gets training, TensorBoard,
export, proof and serving without another line.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import keras
import numpy as np

from keras_models.observation import Observation
from keras_models.signature import Signature

C = TypeVar("C")


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """What a model must know of the images that it will see.

    Attributes:
        height, width: pixels.
        channels: 1 (grey) or 3 (red, green, blue).
        classes: the class names; a label is an index into them.
        training_examples: how many images one epoch shows; learning-rate schedules need it.
        sample: uint8 [some, height, width, channels], training images for initialisations that
            look at data; None when a model is rebuilt only to receive weights.
    """

    height: int
    width: int
    channels: int
    classes: tuple[str, ...]
    training_examples: int
    sample: np.ndarray | None = None


DataSpec = ImageSpec


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Validation samples with their answers, kept in memory.

    Attributes:
        inputs: by input name of `serving_default`, first axis is the sample.
        answers: int64 [samples], the right class of each.
        spec: what they are samples of.
    """

    inputs: Mapping[str, np.ndarray]
    answers: np.ndarray
    spec: DataSpec


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a model is fitted; every field is a flag of `keras-train`."""

    epochs: int = 20
    """Times the whole training set is shown."""
    batch_size: int = 64
    """Examples per optimizer step (of all devices together)."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """adamw (Loshchilov and Hutter 2019), or sgd with Nesterov momentum."""
    learning_rate: float = 2e-3
    """Peak of the schedule."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls from its peak to nearly nothing over the run."""
    warmup_epochs: float = 1.0
    """Epochs over which the learning rate rises from zero to its peak."""
    weight_decay: float = 0.0
    """Decoupled weight decay of kernels."""
    momentum: float = 0.9
    """Of sgd; adamw does not use it."""
    clip_norm: float = 0.0
    """Largest global norm of the gradients; 0 leaves them as they are."""
    label_smoothing: float = 0.0
    """Share of each label's probability that is spread over all classes."""
    average_decay: float = 0.0
    """Decay per step of the averaged weights that are validated and saved; 0 keeps the raw ones."""
    flip: bool = False
    """Augmentation: mirror images left to right."""
    shift: float = 0.0
    """Augmentation: largest shift, as a share of the image's side."""
    rotate: float = 0.0
    """Augmentation: largest rotation, in degrees."""
    scale: float = 0.0
    """Augmentation: largest change of size, as a share."""
    erase: float = 0.0
    """Augmentation: side of a square that is blanked out, as a share of the image's side."""
    patience: int = 0
    """Epochs without a better validation figure after which training stops; 0 never stops early."""
    steps_per_execution: int = 1
    """Steps per call into TensorFlow: more makes small models faster, progress coarser."""
    jit: bool = False
    """Compile the step with XLA: pays on a GPU, costs on a CPU (convolutions 1.7 times slower)."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        for name in ("epochs", "batch_size", "steps_per_execution"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        for name in ("label_smoothing", "average_decay", "shift", "scale", "erase", "momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        for name in ("warmup_epochs", "weight_decay", "clip_norm", "rotate", "patience"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


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
class Family(Generic[C]):
    """All that the other rooms know of a family.

    Attributes:
        name: as in `keras_models.FAMILIES`.
        summary: a sentence for `--help` and the model card.
        reads: the kind of data set that feeds it.
        presets: recipes by name; the first is the default.
        build: compiled Keras model, ready for `fit`, under the dtype policy in force.
        best: what decides which epoch's model is kept.
        signatures: what the finished model serves, preprocessing inside.
        measure: figures of a model on held-out examples, by name: accuracy, loss.
        observe: what to show after an epoch; plain values by name.
    """

    name: str
    summary: str
    reads: Literal["images"]
    presets: Mapping[str, Preset[C]]
    build: Callable[[C, Training, DataSpec], keras.Model]
    best: Monitor
    signatures: Callable[[keras.Model, DataSpec], Sequence[Signature]]
    measure: Callable[[keras.Model, Examples], Mapping[str, float]]
    observe: Callable[[keras.Model, Examples], Mapping[str, Observation]]
