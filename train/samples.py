"""Keeps the pictures that a family wants to see move: a frame of each look, and an animation.

samples/made/0005.png, 0010.png, …   what was seen after that epoch
samples/made.png                     all of them, as an animated PNG; programs that show no
                                     animation show the last
"""

from pathlib import Path

import numpy as np
from PIL import Image

from keras_models import atomic
from keras_models.observation import Picture

MOST_FRAMES = 60
FRAME_MILLISECONDS = 150
LAST_MILLISECONDS = 2000


def keep(folder: Path, name: str, shown: Picture, epoch: int) -> None:
    """Writes a frame, and the animation anew.

    Raises:
        OSError: it cannot be written.
    """
    frames = folder / name
    frames.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(shown.pixels[0])
    atomic.write(frames / f"{epoch:04}.png", picture.save)
    paths = [path for path in sorted(frames.glob("[0-9]*.png")) if int(path.stem) <= epoch]
    atomic.write(folder / f"{name}.png", lambda path: _animate(_chosen(paths), path))


def _chosen(paths: list[Path]) -> list[Path]:
    """At most `MOST_FRAMES` of them, closer together at the beginning, where most happens."""
    if len(paths) <= MOST_FRAMES:
        return paths
    places = np.unique(np.geomspace(1, len(paths), MOST_FRAMES).round().astype(int))
    return [paths[place - 1] for place in places]


def _animate(paths: list[Path], target: Path) -> None:
    frames = [Image.open(path) for path in paths]
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [LAST_MILLISECONDS]
    frames[-1].save(
        target,
        format="PNG",
        save_all=True,
        default_image=True,
        append_images=frames,
        duration=durations,
        loop=0,
    )
