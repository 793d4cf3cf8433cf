"""How a model is fitted: numbers that are flags of `keras-train` and part of every preset."""

from dataclasses import dataclass
from typing import Literal


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
    beta_1: float = 0.9
    """Of adamw: how slowly it forgets which way a weight's gradients went."""
    beta_2: float = 0.999
    """Of adamw: how slowly it forgets how large a weight's gradients were; less learns faster."""
    clip_norm: float = 0.0
    """Largest global norm of the gradients; 0 leaves them as they are."""
    average_decay: float = 0.0
    """Decay per step of the averaged weights that are validated and saved; 0 keeps the raw ones."""
    patience: int = 0
    """Epochs without a better validation figure after which training stops; 0 never stops early."""
    steps_per_execution: int = 1
    """Steps per call into TensorFlow: more makes small models faster, progress coarser."""
    jit: bool = False
    """Compile the step with XLA: pays on a GPU and for recurrence; on a CPU it costs convolutions
    1.7 times the time."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        for name in ("epochs", "batch_size", "steps_per_execution"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        self._check_shares("average_decay", "momentum", "beta_1", "beta_2")
        for name in ("warmup_epochs", "weight_decay", "clip_norm", "patience"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

    def _check_shares(self, *names: str) -> None:
        for name in names:
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """How much training images are distorted at most; shares are of the image's side."""

    flip: bool = False
    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    erase: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ImageTraining(Training):
    """How a model of images is fitted."""

    flip: bool = False
    """Augmentation: mirror images left to right."""

    @property
    def distortion(self) -> Distortion:
        """What is done to training images."""
        return Distortion(flip=self.flip)


@dataclass(frozen=True, kw_only=True)
class ClassifierTraining(ImageTraining):
    """How a classifier of images is fitted."""

    label_smoothing: float = 0.0
    """Share of each label's probability that is spread over all classes."""
    shift: float = 0.0
    """Augmentation: largest shift, as a share of the image's side."""
    rotate: float = 0.0
    """Augmentation: largest rotation, in degrees."""
    scale: float = 0.0
    """Augmentation: largest change of size, as a share."""
    erase: float = 0.0
    """Augmentation: side of a square that is blanked out, as a share of the image's side."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        super().__post_init__()
        self._check_shares("label_smoothing", "shift", "scale", "erase")
        if self.rotate < 0:
            raise ValueError(f"rotate must not be negative, got {self.rotate}")

    @property
    def distortion(self) -> Distortion:
        """What is done to training images."""
        return Distortion(
            flip=self.flip,
            shift=self.shift,
            rotate=self.rotate,
            scale=self.scale,
            erase=self.erase,
        )


@dataclass(frozen=True, kw_only=True)
class GANTraining(ImageTraining):
    """How a generator is fitted against a discriminator."""

    loss: Literal["non_saturating", "relativistic", "hinge"] = "relativistic"
    """What the two want; gan_losses.py has the papers."""
    gradient_penalty: float = 1.0
    """Weight of the penalty of the discriminator's gradients (Mescheder et al. 2018); 0: none."""
    penalty_every: int = 4
    """Steps from one with the penalty to the next; it counts as many times as much."""
    penalize_fake: bool = True
    """Penalize at made images too (R1 and R2), not at real ones alone (R1)."""
    augmentations: tuple[Literal["color", "translation", "cutout"], ...] = ()
    """What the discriminator sees distorted (Zhao et al. 2020); for little data."""
    class_weight: float = 0.0
    """Weight of telling the classes apart, in both losses (Odena et al. 2017); 0: none."""
    discriminator_rate: float = 1.0
    """The discriminator's learning rate, as a multiple of the generator's."""
    judge: str = ""
    """Run of `keras-train cnn` whose features images are compared in; by itself it takes one on
    the same data that lies beside this run, or trains one there."""
    measure_every: int = 1
    """Epochs from one measurement by the judge to the next."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        super().__post_init__()
        for name in ("penalty_every", "measure_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("gradient_penalty", "class_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not self.discriminator_rate > 0:
            raise ValueError(f"discriminator_rate must be above 0, got {self.discriminator_rate}")


@dataclass(frozen=True, kw_only=True)
class TextTraining(Training):
    """How a text generator is fitted."""

    window: int = 128
    """Tokens that back-propagation goes back through; the state is carried from one to the next."""

    def __post_init__(self) -> None:
        """Checks what argument parsing cannot."""
        super().__post_init__()
        if not 1 <= self.window <= 4096:
            raise ValueError(f"window must be between 1 and 4096, got {self.window}")
