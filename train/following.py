"""Measures a model that no loss tells the worth of, at intervals, and says when it goes wrong."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_models.family import Examples
from train.best_model import copy_weights

FALL = 0.5
"""Share of the best figure so far below which it is said to have fallen."""
LEAST_COVERAGE = 0.05
"""Coverage that falls from less than this was never there."""
OUTRIGHT = 0.99
"""Accuracy on real and on made images above which the discriminator has won."""


class Following(keras.callbacks.Callback):
    """Adds a family's figures to those of the epoch, as `val_<name>`; put it before `BestModel`.

    Attributes:
        state: the best coverage so far, and whether a fall and a win were told; the checkpoint
            keeps it.
    """

    def __init__(
        self,
        follow: Callable[[keras.Model, Examples[Any]], Mapping[str, float]],
        examples: Examples[Any],
        twin: keras.Model,
        *,
        every: int,
        epochs: int,
    ) -> None:
        """Prepares to measure after `every` so many epochs, and after the last.

        Args:
            follow: the family's.
            examples: held-out samples, with their judge.
            twin: the uncompiled float32 model; it is given the weights that are measured.
            every, epochs: how often, and how many there are in all.
        """
        super().__init__()
        self.follow, self.examples, self.twin = follow, examples, twin
        self.every, self.epochs = every, epochs
        self.state: dict[str, Any] = {"coverage": 0.0, "told": []}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures, and speaks up."""
        if logs is None:
            return
        if epoch + 1 == self.epochs or (epoch + 1) % self.every == 0:
            copy_weights(self.model, self.twin)
            figures = self.follow(self.twin, self.examples)
            logs.update({f"val_{name}": value for name, value in figures.items()})
            self._say("coverage", _fallen(figures, self.state["coverage"]), epoch)
            self.state["coverage"] = max(self.state["coverage"], figures.get("coverage", 0.0))
        self._say("win", _won(logs), epoch)

    def _say(self, what: str, words: str, epoch: int) -> None:
        """Says it when it begins, not at every epoch that it goes on."""
        told = [one for one in self.state["told"] if one != what]
        if words and what not in self.state["told"]:
            sys.stderr.write(f"epoch {epoch + 1}: {words}\n")
        self.state["told"] = [*told, what] if words else told


def _fallen(figures: Mapping[str, float], best: float) -> str:
    coverage = figures.get("coverage", best)
    if best < LEAST_COVERAGE or coverage >= FALL * best:
        return ""
    return (
        f"coverage fell from {best:.3f} to {coverage:.3f}: the generator makes fewer kinds of "
        "images (a mode collapse); the best model so far is kept; if it does not recover, try a "
        "larger --gradient-penalty or a smaller --learning-rate"
    )


def _won(figures: Mapping[str, float]) -> str:
    real, fake = figures.get("accuracy_real", 0.0), figures.get("accuracy_fake", 0.0)
    if min(real, fake) < OUTRIGHT:
        return ""
    return (
        f"the discriminator wins outright: it knows {real:.1%} of real and {fake:.1%} of made "
        "images, and the generator learns little from that; try a larger --gradient-penalty, "
        "--discriminator-rate 0.5, or --augmentations with little data"
    )
