"""How close made images come to real ones, by the features that a classifier sees in both.

All take float32 [images, features]. Distances need samples: with few of them even real images are
at some distance from real ones, so a figure is read beside its floor, the same of real against
real.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 5
BLOCK = 1000
"""Rows of a distance matrix that are in memory at a time."""


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Returns the squared Fréchet distance of two normal distributions fitted to the features.

    0 for equal means and covariances. In the features of an Inception network it is called FID.

    Source: Heusel et al. 2017, arXiv 1706.08500; Dowson and Landau 1982.
    """
    means, covariances = zip(*(_moments(features) for features in (real, fake)), strict=True)
    root = _root(covariances[0])
    # The trace of (a·b)^½ is that of (a^½·b·a^½)^½, whose eigenvalues are real and not negative.
    crossed = np.linalg.eigvalsh(root @ covariances[1] @ root)
    apart = np.sum((means[0] - means[1]) ** 2)
    widths = np.trace(covariances[0]) + np.trace(covariances[1])
    return float(max(0.0, apart + widths - 2 * np.sqrt(np.maximum(crossed, 0)).sum()))


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    exact = features.astype(np.float64)
    return exact.mean(axis=0), np.atleast_2d(np.cov(exact, rowvar=False))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


@dataclass(frozen=True, kw_only=True)
class Neighbourhoods:
    """Shares, by balls around samples that reach to their fifth nearest neighbour.

    Attributes:
        precision: of made images that lie in a real image's ball: are they right?
        recall: of real images that lie in a made image's ball: are all kinds there?
        density: real balls that a made image lies in, in fifths: precision that outliers do not
            mislead; may exceed 1.
        coverage: of real images with a made one in their ball: recall that outliers do not mislead.

    Source: Kynkäänniemi et al. 2019, arXiv 1904.06991; Naeem et al. 2020, arXiv 2002.09797.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhoods(real: np.ndarray, fake: np.ndarray) -> Neighbourhoods:
    """Compares where two sets lie; each has more images than `NEIGHBOURS`."""
    reach_of_real, reach_of_fake = reach(real), reach(fake)
    hits = np.zeros(len(fake), np.int64)
    covered = recalled = 0
    for start, distances in _distances(real, fake):
        own = reach_of_real[start : start + len(distances), np.newaxis]
        inside = distances < own
        hits += inside.sum(axis=0)
        covered += int(inside.any(axis=1).sum())
        recalled += int((distances < reach_of_fake[np.newaxis]).any(axis=1).sum())
    return Neighbourhoods(
        precision=float(np.mean(hits > 0)),
        recall=recalled / len(real),
        density=float(hits.sum() / (NEIGHBOURS * len(fake))),
        coverage=covered / len(real),
    )


def reach(features: np.ndarray) -> np.ndarray:
    """Returns the squared distance of each sample to its fifth nearest neighbour."""
    return np.concatenate(
        [
            np.partition(distances, NEIGHBOURS, axis=1)[:, NEIGHBOURS]  # 0 is the sample itself
            for _, distances in _distances(features, features)
        ]
    )


def nearest(of: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each sample which of others is nearest, and its distance."""
    places, squares = [], []
    for _, distances in _distances(of, among):
        places.append(distances.argmin(axis=1))
        squares.append(distances.min(axis=1))
    return np.concatenate(places), np.sqrt(np.concatenate(squares))


def _distances(rows: np.ndarray, columns: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields squared distances block by block: the first row's number, [rows, columns]."""
    norms = np.sum(columns * columns, axis=1)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        squares = np.sum(block * block, axis=1)[:, np.newaxis] + norms - 2 * (block @ columns.T)
        yield start, np.maximum(squares, 0)
