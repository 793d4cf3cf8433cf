"""TensorBoard's Projector tab: points with labels, as the files that its plugin reads."""

from pathlib import Path

import numpy as np
from tensorboard.plugins import projector

from keras_models import atomic
from keras_models.observation import Embedding


def write(folder: Path, name: str, shown: Embedding) -> None:
    """Replaces the points called `name` in the folder of a run's event files.

    Raises:
        OSError: it cannot be written.
    """
    vectors, labels = folder / f"{name}.vectors.tsv", folder / f"{name}.labels.tsv"
    atomic.write(vectors, lambda path: np.savetxt(path, shown.vectors, "%.6g", delimiter="\t"))
    atomic.write(labels, lambda path: _write_labels(path, shown))
    config = projector.ProjectorConfig()
    point = config.embeddings.add()
    point.tensor_name, point.tensor_path, point.metadata_path = name, vectors.name, labels.name
    projector.visualize_embeddings(str(folder), config)


def _write_labels(path: Path, shown: Embedding) -> None:
    lines = (" ".join(label.split()) or "(blank)" for label in shown.labels)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
