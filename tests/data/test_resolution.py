"""Grids are found where scores show one, and nowhere else."""

import numpy as np
import pytest

from leadline.data.resolution import infer_resolution

RNG = np.random.default_rng(5)
NAN = float("nan")


def log_of_counts(digits):
    """Return error rates on 9815 examples, printed with so many digits."""
    return np.round(np.random.default_rng(2).integers(100, 900, 400) / 9815, digits)


@pytest.mark.parametrize(
    ("scores", "spacing", "rtol"),
    [
        # The mean of many gaps, each rounded to 5e-7 of 1e-4, is far closer than one of them.
        pytest.param(log_of_counts(6), 1 / 9815, 1e-4, id="counts of 9815, 6 digits"),
        pytest.param(log_of_counts(15), 1 / 9815, 1e-9, id="counts of 9815"),
        pytest.param(-log_of_counts(6), 1 / 9815, 1e-4, id="negated"),
        pytest.param(np.round(RNG.normal(size=200), 2), 0.01, 1e-9, id="2 decimals"),
        pytest.param(np.round(1 + 0.2 * RNG.random(100), 3), 0.001, 1e-9, id="3 decimals"),
        pytest.param(100 * np.round(RNG.random(200), 3), 0.1, 1e-9, id="percent"),
        pytest.param(1e6 + np.round(RNG.random(100), 2), 0.01, 1e-6, id="far from zero"),
        # No two neighbours on the grid: the smallest gap is a multiple of the spacing.
        pytest.param(np.array([0, 2, 2, 5, 7, 9, 12]) * 0.1, 0.1, 1e-9, id="gaps of 2 and 3"),
        pytest.param(np.array([0, 3, 3, 7, 10, 14]) * 0.1, 0.1, 1e-9, id="gaps of 3 and 4"),
        pytest.param(np.array([1.0, 2, 2, NAN, 4, np.inf]), 1.0, 1e-12, id="failures ignored"),
        # 0.1 + 0.2 and 0.3 are the same bin.
        pytest.param(np.array([0.1, 0.1, 0.2, 0.3, 0.1 + 0.2, 0.5]), 0.1, 1e-9, id="two spellings"),
    ],
)
def test_spacing_is_found(scores, spacing, rtol):
    assert infer_resolution(scores) == pytest.approx(spacing, rel=rtol)


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param(RNG.random(200), id="no ties"),
        pytest.param(np.arange(20) / 10, id="a grid without ties"),
        pytest.param(np.append(RNG.random(60), [0.5, 0.5]), id="one configuration run twice"),
        pytest.param(np.repeat(RNG.random(40), 3), id="every configuration run three times"),
        pytest.param(np.array([0.1, 0.1, 0.1, 0.7]), id="two values tell no spacing"),
        pytest.param(np.array([0.1, 0.1]), id="one value"),
        pytest.param(np.array([NAN, NAN, NAN]), id="failures are no ties"),
        pytest.param(np.array([]), id="nothing"),
    ],
)
def test_no_grid(scores):
    assert infer_resolution(scores) == 0.0


def test_spacing_scales_with_the_scores_and_ignores_their_order():
    scores = np.round(RNG.random(100), 2)
    once = infer_resolution(scores)
    assert infer_resolution(scores[::-1]) == once
    assert infer_resolution(1024.0 * scores) == pytest.approx(1024.0 * once, rel=1e-12)
