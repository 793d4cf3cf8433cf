"""How the two networks of a GAN are trained: the part of the settings that a step follows."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What `gan_model.GAN` is compiled with, beside its optimizers.

    Attributes:
        loss: a name in `LOSSES`.
        gradient_penalty: weight of the zero-centred penalty of the discriminator's gradients; 0
            for none.
        penalty_every: steps from one that has the penalty to the next, with so many times its
            weight.
        penalize_fake: whether made images are penalized too (R2), or real ones alone (R1).
        average_decay: per step, of the generator's averaged weights; 0 keeps none.
        augmentations: names in `gan_augmentation.AUGMENTATIONS`.
        class_weight: weight of the cross-entropy of the class, which the discriminator's scores for
            the classes give: of real images in its loss, of made ones in the generator's; 0 for
            none. Without classes it has no part.
    """

    loss: str = "non_saturating"
    gradient_penalty: float = 0.0
    penalty_every: int = 1
    penalize_fake: bool = True
    average_decay: float = 0.0
    augmentations: Sequence[str] = ()
    class_weight: float = 0.0
