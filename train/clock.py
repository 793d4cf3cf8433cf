"""Time, as a run tells it: how long it has trained in all, and each epoch's line."""

import sys
import time
from collections.abc import Mapping
from typing import Any

import keras


class Clock(keras.callbacks.Callback):
    """Adds up the seconds spent in training, over all resumptions."""

    def __init__(self) -> None:
        super().__init__()
        self.before = 0.0
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self.before + time.monotonic() - self.began

    @property
    def state(self) -> dict[str, float]:
        """What the checkpoint keeps."""
        return {"seconds": self.seconds}

    @state.setter
    def state(self, value: Mapping[str, float]) -> None:
        self.before, self.began = value["seconds"], time.monotonic()


class EpochLines(keras.callbacks.Callback):
    """Where no terminal shows Keras' bar, one line per epoch with the time it took."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs, self.began = epochs, 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Notes the time."""
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Writes the line."""
        if sys.stderr.isatty():
            return
        figures = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        seconds = time.monotonic() - self.began
        sys.stderr.write(f"epoch {epoch + 1}/{self.epochs}  {seconds:.1f} s  {figures}\n")
