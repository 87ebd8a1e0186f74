"""The model-free tuning curve against all subsets of the trials."""

from itertools import combinations

import numpy as np
import pytest
from helpers import make_tree, make_trials

from leadline.stats.tuning_curve import empirical_tuning_curve


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def tree(request):
    return make_tree(make_trials(request.param, n=14, n_failed=3), tail_fraction=0.6, draws=5)


@pytest.mark.parametrize("budget", [1, 2, 5, 14])
def test_is_the_average_over_all_subsets(tree, budget):
    down = tree.attrs["direction"] == "minimize"
    scores = tree["constant_data"]["trial_score"].values
    filled = np.where(np.isnan(scores), np.inf if down else -np.inf, scores)
    choose = min if down else max
    best = np.sort([choose(subset) for subset in combinations(filled, budget)])
    # None of them falls on a step, where rounding decides.
    for quantile in np.linspace(0.0131, 0.987, 75):
        expected = best[int(np.ceil(quantile * len(best))) - 1]
        got = float(empirical_tuning_curve(tree, budget, quantile=quantile).squeeze())
        assert got == expected
    mean = best[np.isfinite(best)].mean()
    assert float(empirical_tuning_curve(tree, budget, quantile="mean").squeeze()) == (
        pytest.approx(mean)
    )


def test_at_all_trials_it_is_the_best_seen_and_past_them_nothing(tree):
    scores = tree["constant_data"]["trial_score"].values
    best = np.nanmin(scores) if tree.attrs["direction"] == "minimize" else np.nanmax(scores)
    curve = empirical_tuning_curve(tree, [14, 15])
    assert curve.dims == ("search", "budget")
    assert curve.values[0, 0] == best
    assert np.isnan(curve.values[0, 1])
