"""Pairs and ranks against loops over draws."""

import itertools

import numpy as np
import pytest

from leadline.stats.pairwise import (
    against_the_others,
    differences,
    first_lasting,
    ranks,
    verdicts,
)


@pytest.fixture
def loss():
    rng = np.random.default_rng(3)
    values = rng.standard_normal((3, 500, 2)) + np.array([0.0, 0.4, 1.0])[:, None, None]
    values[2, :, 1] = np.nan
    return values


@pytest.mark.parametrize("rope", [0.0, 0.5])
def test_verdicts_are_counts_of_draws(loss, rope):
    found = verdicts(differences(loss), rope, 0.8)
    for first, second, where in itertools.product(range(3), range(3), range(2)):
        figures = [
            getattr(found, f"p_{kind}")[first, second, where] for kind in ("better", "equal")
        ]
        figures.append(found.p_worse[first, second, where])
        if first == second or (where == 1 and 2 in (first, second)):
            assert np.isnan(figures).all()
            continue
        gain = [loss[second, draw, where] - loss[first, draw, where] for draw in range(500)]
        better, worse = sum(g > rope for g in gain), sum(g < -rope for g in gain)
        assert figures == [better / 500, (500 - better - worse) / 500, worse / 500]
        assert sum(figures) == pytest.approx(1, abs=1e-15)
        assert found.difference[first, second, where] == pytest.approx(np.mean(gain))
        ends = np.quantile(gain, [0.1, 0.9])
        got = found.lower[first, second, where], found.upper[first, second, where]
        np.testing.assert_allclose(got, ends)


def test_the_second_sees_the_same_from_the_other_side(loss):
    found = verdicts(differences(loss), 0.3, 0.8)
    np.testing.assert_array_equal(found.p_better, found.p_worse.swapaxes(0, 1))
    np.testing.assert_array_equal(found.p_equal, found.p_equal.swapaxes(0, 1))
    np.testing.assert_allclose(found.difference, -found.difference.swapaxes(0, 1))
    np.testing.assert_allclose(found.lower, -found.upper.swapaxes(0, 1))


def test_a_rope_may_differ_by_draw(loss):
    rope = np.linspace(0, 1, 500)
    found = verdicts(differences(loss[..., 0]), rope, 0.8)
    gain = loss[1, :, 0] - loss[0, :, 0]
    assert found.p_equal[0, 1] == (np.abs(gain) <= rope).mean()


def test_equal_draws_are_equal_without_a_rope():
    found = verdicts(differences(np.ones((2, 10))), 0.0, 0.8)
    assert (found.p_better[0, 1], found.p_equal[0, 1], found.p_worse[0, 1]) == (0, 1, 0)


def test_ranks(loss):
    got = ranks(loss)
    for draw in range(0, 500, 50):
        order = np.argsort(loss[:, draw, 0])
        assert got[order, draw, 0].tolist() == [1, 2, 3]
        assert np.isnan(got[2, draw, 1])
        assert sorted(got[:2, draw, 1]) == [1, 2]
    assert ranks(np.array([[1.0], [1.0], [2.0]]))[:, 0].tolist() == [1.5, 1.5, 3]


def test_against_the_others(loss):
    plain = loss[..., 0]
    got = against_the_others(differences(plain))
    for first in range(3):
        others = [other for other in range(3) if other != first]
        np.testing.assert_allclose(got[first], plain[first] - plain[others].mean(axis=0))
    alone = differences(plain[:2])
    alone[:] = np.nan
    assert np.isnan(against_the_others(alone)).all()


def test_first_lasting():
    true = np.array([[0, 1, 0, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [0, 0, 0, 0, 1]], bool)
    assert first_lasting(true).tolist() == [3, 0, -1, 4]
