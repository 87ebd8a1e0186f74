"""The bootstrap of the observed losses against its definition and against NumPy's Dirichlet."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from helpers import make_averaged_tree, make_tree, make_trials
from scipy.stats import beta

from leadline.stats import observed_body
from leadline.stats.best_measured import measured_mean, measured_quantile
from leadline.stats.compare import compare
from leadline.stats.fitted_search import fitted_search
from leadline.stats.forecast import forecast
from leadline.stats.observed_body import body_quantile, cumulative_weights
from leadline.stats.tuning_curve import tuning_curve

NAME = "digits / mlp"
BUDGETS = np.array([1.0, 3.0, 20.0])


@pytest.fixture(scope="module")
def mixed():
    """Return a search with failed trials and two thresholds."""
    return fitted_search(make_averaged_tree(make_trials(n_failed=15), [0.3, 0.6], [0.5, 0.5]), NAME)


def weights_of(search):
    """Return the weights of the completed trials and the sum of the failed ones', by draw."""
    blocks = [(rows, np.diff(ends), total - ends[:, -1:]) for rows, ends, total in
              cumulative_weights(search)]  # fmt: skip
    order = np.argsort(np.concatenate([rows for rows, *_ in blocks]))
    return [np.concatenate([block[part] for block in blocks])[order] for part in (1, 2)]


def test_the_whole_distribution_by_enumeration(mixed):
    # H of one draw, trial by trial: the definition in the docstrings, in loops.
    some = mixed.isel(np.arange(0, len(mixed.alpha), 37))
    assert len(np.unique(some.n_tail)) == 2
    weights, failed = weights_of(some)
    means, threshold = measured_mean(some, BUDGETS), some.in_score_units(some.threshold)
    for prob in (0.05, 0.5, 0.9):
        quantiles = measured_quantile(some, BUDGETS, prob)
        for draw, n_tail in enumerate(some.n_tail[:, 0]):
            fraction, losses = some.tail_fraction[draw, 0], some.losses[n_tail:]
            own = weights[draw, n_tail:]
            shares = (1 - fraction) * own / (own.sum() + failed[draw, 0])
            for number, k in enumerate(BUDGETS):
                best = 1 - (1 - fraction - np.cumsum(shares)) ** k
                beyond = 1 - (1 - fraction) ** k
                if prob > beyond:
                    wanted = next((y for y, p in zip(losses, best, strict=True) if p >= prob),
                                  np.inf)  # fmt: skip
                    assert quantiles[draw, number] == wanted
                else:
                    assert quantiles[draw, number] <= threshold[draw, 0] + 1e-9
                # The part of the mean from beyond θ is tested elsewhere: take it from k alone.
                lone = dataclasses.replace(
                    some.isel([draw]), losses=some.losses[:n_tail], n_trials=n_tail
                )
                tail = measured_mean(lone, BUDGETS)[0, number] * 1.0
                body = np.diff(np.append(beyond, best)) @ losses
                assert means[draw, number] == pytest.approx((tail + body) / best[-1], rel=1e-9)


@pytest.mark.parametrize("tail", [0, 12])
def test_shares_have_the_distribution_of_dirichlet(tail):
    tree = make_tree(make_trials(n=40, n_failed=6), tail_fraction=0.5, chains=4, draws=4000)
    search = fitted_search(tree, NAME)
    search = dataclasses.replace(
        search,
        n_tail=np.full_like(search.n_tail, tail),
        tail_fraction=np.full_like(search.tail_fraction, 0.1),
    )
    shares = np.random.default_rng(0).dirichlet(np.ones(40 - tail), len(search.alpha))
    ends = np.cumsum(shares, axis=1)
    for share in (0.1, 0.5, 0.75):
        level = np.full((1, 1), 0.1 + 0.9 * share)
        found = body_quantile(search, level)[:, 0]
        for rank in (3, 10, 20):
            loss = search.losses[tail + rank - 1] if tail + rank <= 34 else 1e300
            rate = (found <= loss).mean()
            inside = min(rank, 34 - tail)
            assert rate == pytest.approx((ends[:, inside - 1] >= share).mean(), abs=0.02)
            assert rate == pytest.approx(beta.sf(share, inside, 40 - tail - inside), abs=0.015)


def test_shares_belong_to_the_draw_and_not_to_the_block(mixed, monkeypatch):
    weights, failed = weights_of(mixed)
    some = np.array([3, 4, 250, 399])
    for values, whole in zip(weights_of(mixed.isel(some)), (weights, failed), strict=True):
        np.testing.assert_array_equal(values, whole[some])
    monkeypatch.setattr(observed_body, "_BLOCK", 700)
    for values, whole in zip(weights_of(mixed), (weights, failed), strict=True):
        np.testing.assert_array_equal(values, whole)
    # Chains and searches are independent.
    assert not np.isin(weights[:200], weights[200:]).any()
    other = weights_of(dataclasses.replace(mixed, name="other"))[0]
    assert not np.isin(other, weights).any()


def test_all_answers_are_the_same_from_a_saved_fit(tmp_path):
    tree = make_tree(make_trials(searches=(("digits", "mlp"), ("digits", "forest"))), draws=30)
    tree.to_netcdf(tmp_path / "fit.nc")
    saved = xr.open_datatree(tmp_path / "fit.nc").load()
    for kind in ("measured", "expected"):
        for quantile in (0.5, "mean"):
            first, again, other = (
                tuning_curve(each, [1, 4, 30], kind=kind, quantile=quantile)
                for each in (tree, tree, saved)
            )
            xr.testing.assert_identical(first, again)
            np.testing.assert_array_equal(first, other)
    xr.testing.assert_identical(forecast(tree, [1, 5])["best"], forecast(tree, [1, 5])["best"])
    np.testing.assert_array_equal(forecast(tree, 1)["best"], forecast(saved, 1)["best"])
    wide, again = (compare(each, budget=2)["difference_lower"] for each in (tree, saved))
    np.testing.assert_array_equal(wide, again)
