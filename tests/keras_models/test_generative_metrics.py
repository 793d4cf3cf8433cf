"""Figures of made images, against independent references and cases whose answer is known."""

import numpy as np
import pytest
from scipy import linalg

from keras_models import generative_metrics
from keras_models.generative_metrics import frechet_distance, nearest, neighbourhoods

RANDOM = np.random.default_rng(3)


def cloud(count, *, mean=0.0, scale=1.0, width=6):
    return (mean + scale * RANDOM.standard_normal((count, width))).astype(np.float32)


def test_the_distance_is_that_of_the_matrix_square_root():
    real, fake = cloud(300) @ cloud(6), cloud(200, mean=0.5, scale=2) @ cloud(6)
    covariances = [np.cov(one.astype(np.float64), rowvar=False) for one in (real, fake)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    apart = np.sum((real.mean(axis=0, dtype=float) - fake.mean(axis=0, dtype=float)) ** 2)
    expected = apart + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-5)


def test_the_same_images_are_at_no_distance_and_a_shift_is_its_square():
    real = cloud(500)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(real, real + 2) == pytest.approx(6 * 4, rel=1e-4)


def test_features_that_never_vary_are_no_trouble():
    real, fake = cloud(50), cloud(50)
    real[:, 2] = fake[:, 2] = 0
    assert np.isfinite(frechet_distance(real, fake))
    assert np.isfinite(frechet_distance(np.zeros((9, 4), np.float32), cloud(9, width=4)))


def plainly(real, fake, k=5):
    """Naeem et al. 2020, equations 1 to 6, one pair at a time."""

    def apart(a, b):
        return np.linalg.norm(a[:, np.newaxis].astype(float) - b[np.newaxis], axis=2)

    ball_of_real = np.sort(apart(real, real), axis=1)[:, k]
    ball_of_fake = np.sort(apart(fake, fake), axis=1)[:, k]
    distances = apart(real, fake)
    in_real = distances < ball_of_real[:, np.newaxis]
    return {
        "precision": in_real.any(axis=0).mean(),
        "recall": (distances < ball_of_fake[np.newaxis]).any(axis=1).mean(),
        "density": in_real.sum() / (k * len(fake)),
        "coverage": in_real.any(axis=1).mean(),
    }


def test_neighbourhoods_are_counted_as_in_the_paper(monkeypatch):
    monkeypatch.setattr(generative_metrics, "BLOCK", 37)  # several blocks, the last one smaller
    real, fake = cloud(160), cloud(120, mean=0.4)
    found = neighbourhoods(real, fake)
    for name, expected in plainly(real, fake).items():
        assert getattr(found, name) == pytest.approx(expected, abs=1e-9)


def test_a_collapse_shows_in_coverage_and_recall_but_not_in_precision():
    real = cloud(400)
    collapsed = real[:1] + cloud(400, scale=1e-3)
    found = neighbourhoods(real, collapsed)
    assert found.precision > 0.9
    assert found.coverage < 0.1
    assert found.recall < 0.1


def test_copies_are_found():
    known = cloud(50)
    places, distances = nearest(known[[7, 3]] + 1e-3, known)
    assert places.tolist() == [7, 3]
    assert distances.max() < 0.01
