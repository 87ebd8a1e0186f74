"""When the best scores of a search are a plateau."""

import numpy as np
import pytest

from leadline.data.plateau import has_plateau

REST = 0.3 + 0.01 * np.arange(80)


def losses(shared, next_best=1, failed=0):
    return np.concatenate(
        [np.full(shared, 0.2), np.full(next_best, 0.25), REST, np.full(failed, np.inf)]
    )


def test_at_least_half_of_every_tail_share_the_best_score():
    # Rounding alone could explain it, as many trials share the next best score.
    loss = losses(20, next_best=20)
    assert has_plateau(loss, [25, 40], deepest=25, min_trials=4)
    assert not has_plateau(loss, [25, 41], deepest=25, min_trials=4)
    # Without a tail that can be fitted, the one asked for counts.
    assert has_plateau(loss, [], deepest=60, min_trials=2)


@pytest.mark.parametrize(("shared", "next_best", "expected"), [(12, 4, True), (12, 5, False)])
def test_a_cap_is_no_rounding(shared, next_best, expected):
    assert has_plateau(losses(shared, next_best), [24, 60], 20, 4) is expected


def test_few_equal_scores_are_no_plateau():
    assert not has_plateau(losses(7), [10, 60], deepest=10, min_trials=4)
    assert not has_plateau(losses(1), [], deepest=1, min_trials=2)
    assert not has_plateau(losses(12), [30, 60], deepest=25, min_trials=4)


def test_all_scores_may_be_equal_and_failed_trials_are_no_scores():
    assert has_plateau(np.array([1.0] * 20 + [np.inf] * 30), [], deepest=10, min_trials=2)
    assert has_plateau(losses(20, failed=100), [25, 40], deepest=25, min_trials=4)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 3.0])
def test_rounded_scores_of_the_law_are_seldom_one(gamma):
    rng, found = np.random.default_rng(0), 0
    for _ in range(200):
        noise = 0.02 * rng.standard_normal(200)
        loss = np.round((rng.random() + rng.random(200) ** (2 / gamma) + noise) / 0.05)
        found += has_plateau(loss, [20, 140], deepest=20, min_trials=4)
    assert found <= 0.05 * 200
