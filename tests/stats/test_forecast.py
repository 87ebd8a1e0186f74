"""Forecasts against simulation from the law, and expected scores against brute-force integrals."""

import dataclasses

import numpy as np
import pytest
from helpers import (
    ALPHA,
    GAMMA,
    SIGMA,
    SPREAD,
    make_averaged_tree,
    make_tree,
    make_trials,
    simulate_losses,
)
from scipy.stats import norm

from leadline.data.scale import SCALES
from leadline.distributions.array_functions import log_chance_given_measured
from leadline.stats.best_seen import best_seen_expected
from leadline.stats.fitted_search import best_trial, direction_sign, fitted_search
from leadline.stats.forecast import forecast
from leadline.stats.selection_bias import draw_expected_loss

NEXT = np.array([1, 10, 60])
Q_LEVELS = (np.arange(400_000) + 0.5) / 400_000
SEARCHES = 4000
NAME = "digits / mlp"


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def certain(request):
    """Return a fit whose posterior is one point, the true law; every trial is beyond θ."""
    trials = make_trials(request.param, n_failed=0)
    return make_tree(trials, tail_fraction=1.0, spread_of_draws=1e-9, draws=500)


def brute_force(y, sigma, scale=SCALES["identity"], law=(ALPHA, SPREAD, GAMMA)):
    """Return E[E[score | Q] | Y = y] as a sum over equally likely Q."""
    alpha, spread, gamma = law
    q = alpha + spread * Q_LEVELS ** (2 / gamma)
    weight = norm.pdf((y - q) / sigma)
    return np.average(scale.expected_score(q, np.full_like(q, sigma)), weights=weight)


def test_gains_are_those_of_simulated_searches(certain):
    best, _ = best_trial(certain, NAME)
    found = forecast(certain, NEXT).isel(search=0)
    seen_expected = brute_force(best, SIGMA)
    simulated = simulate_losses(SEARCHES * NEXT[-1], 5)
    expected, measured = (part.reshape(SEARCHES, -1) for part in simulated)
    for m in NEXT:
        index = np.arange(SEARCHES), measured[:, :m].argmin(axis=1)
        new, of_new = measured[index], expected[index]
        gain = np.maximum(best - new, 0.0)
        expected_gain = np.where(new < best, seen_expected - of_new, 0.0)
        one = found.sel(trials=m)
        wanted = {"p_gain": gain > 0, "gain_mean": gain, "expected_gain_mean": expected_gain}
        for name, values in wanted.items():
            error = 4 * values.std() / np.sqrt(SEARCHES) + 1e-5
            assert float(one[name]) == pytest.approx(values.mean(), abs=error)
        sign = direction_sign(certain)
        for prob in (0.1, 0.5, 0.9):
            quantile = np.quantile(sign * one["best"], prob)
            assert (new <= quantile).mean() == pytest.approx(prob, abs=0.035)


def test_a_minimum_gain_is_asked_of_the_measured_score(certain):
    drawn = forecast(certain, NEXT, minimum_gain=0.01)
    counted = (drawn["gain"] > 0.01).mean(("chain", "draw"))
    assert drawn["p_gain"].to_numpy() == pytest.approx(counted.to_numpy(), abs=0.01)
    assert (drawn["p_gain"] < forecast(certain, NEXT)["p_gain"]).all()


def test_the_expected_score_of_the_best_seen_takes_the_luck_out(certain):
    best, seeds = best_trial(certain, NAME)
    assert seeds == 1
    expected = direction_sign(certain) * best_seen_expected(certain).to_numpy()
    assert expected.mean() == pytest.approx(brute_force(best, SIGMA), abs=0.02 * SIGMA)
    # Less than the noise of one run, as the law says where expected losses are.
    assert 0.2 * SIGMA < expected.std() < SIGMA


def levels(search):
    """Return quantiles in the middle of equal parts of (0, 1), one per draw."""
    draws = len(search.alpha)
    return (np.arange(draws)[:, None] + 0.5) / draws


@pytest.mark.parametrize("seeds", [1, 4])
@pytest.mark.parametrize("loss", [0.12, 0.2, 0.25, 0.5])
def test_expected_scores_given_what_was_measured(loss, seeds, certain):
    search = fitted_search(certain, NAME)
    measured = np.full_like(search.alpha, loss)
    found = draw_expected_loss(search, measured, levels(search), seeds)[:, 0]
    sigma = SIGMA / np.sqrt(seeds)
    assert found.mean() == pytest.approx(brute_force(loss, sigma), abs=5e-3 * sigma)
    assert (np.diff(found) >= 0).all()
    chance = np.exp(log_chance_given_measured(measured, found[:, None], search.law_of_mean(seeds)))
    assert chance == pytest.approx(levels(search), abs=4e-3)
    limit = loss + 0.01
    q = ALPHA + SPREAD * Q_LEVELS ** (2 / GAMMA)
    weight = norm.pdf((loss - q) / sigma)
    below = np.exp(
        log_chance_given_measured(
            measured, np.full_like(measured, limit), search.law_of_mean(seeds)
        )
    )
    assert below == pytest.approx(weight[q <= limit].sum() / weight.sum(), abs=1e-4)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 9.0])
@pytest.mark.parametrize("deviations", [-4.0, 0.0, 3.0, 20.0])
def test_draws_of_expected_losses_have_their_distribution(gamma, deviations, certain):
    search = fitted_search(certain, NAME)
    search = dataclasses.replace(search, gamma=np.full_like(search.alpha, gamma))
    measured = search.alpha + deviations * search.sigma
    found = draw_expected_loss(search, measured, levels(search))
    chance = np.exp(log_chance_given_measured(measured, found, search.law))
    assert chance == pytest.approx(levels(search), abs=4e-3)


@pytest.mark.parametrize("scale", ["log", "logit"])
def test_expected_scores_on_a_scale_that_bends(scale):
    tree = make_averaged_tree(make_trials(), [0.4], [1.0], scale="log")
    search = fitted_search(tree, NAME)
    assert (search.scale == "log").all()
    # Any scale does, as the parameters are in its units.
    search = dataclasses.replace(search, scale=np.full_like(search.scale, scale, dtype="U8"))
    alpha, beta, gamma, sigma = (float(column[0, 0]) for column in search.law)
    loss = alpha + 0.3 * sigma
    constant = {
        name: np.full_like(search.alpha, value)
        for name, value in zip(
            ("alpha", "beta", "gamma", "sigma"), (alpha, beta, gamma, sigma), strict=True
        )
    }
    search = dataclasses.replace(search, **constant)
    found = draw_expected_loss(search, np.full_like(search.alpha, loss), levels(search)).mean()
    wanted = brute_force(loss, sigma, scale=SCALES[scale], law=(alpha, beta - alpha, gamma))
    noise = SCALES[scale].score_sd(np.array([loss]), np.array([sigma])).item()
    assert found == pytest.approx(wanted, abs=1e-2 * noise)


def test_more_trials_never_bring_less(certain):
    found = forecast(certain, [1, 2, 5, 50, 1000])
    for name in ("p_gain", "gain"):
        assert (found[name].diff("trials") >= 0).all()
    # A mean over draws, with a Monte Carlo error.
    assert (found["expected_gain_mean"].diff("trials") > -1e-3 * SIGMA).all()
    assert float(found["p_gain"].isel(trials=-1, search=0)) > 0.9


def test_where_the_next_trials_fail_nothing_is_gained():
    tree = make_tree(make_trials(n_failed=60), tail_fraction=0.3)
    found = forecast(tree, [1])
    # 60 of the 84 trials that are not beyond the threshold failed.
    failing = float((1.0 - tree["posterior"]["tail_fraction"]).mean()) * 60 / 84
    assert float(np.isinf(found["best"]).mean()) == pytest.approx(failing, abs=0.08)
    assert (found["gain"].where(np.isinf(found["best"]), 0.0) == 0).all()
    assert np.isfinite(found["gain_mean"]).all()


def test_scores_on_a_grid_gain_by_whole_steps():
    trials = make_trials()
    table = trials.table.assign(score=trials.table["score"].round(2))
    tree = make_tree(dataclasses.replace(trials, table=table))
    assert float(tree["constant_data"]["resolution"][0]) == pytest.approx(0.01)
    found = forecast(tree, [20])
    steps = found["gain"] / 0.01
    assert np.abs(steps - steps.round()).max() < 1e-9
    counted = (found["gain"] > 1e-12).mean(("chain", "draw"))
    assert found["p_gain"].to_numpy() == pytest.approx(counted.to_numpy(), abs=0.02)
    # A gain of one step is not more than one step.
    more = forecast(tree, [20], minimum_gain=0.01)
    counted = (found["gain"] > 0.015).mean(("chain", "draw"))
    assert more["p_gain"].to_numpy() == pytest.approx(counted.to_numpy(), abs=0.02)


def test_costs_give_a_gain_per_cost():
    trials = make_trials()
    costly = dataclasses.replace(trials, table=trials.table.assign(cost=2.5))
    found = forecast(make_tree(costly), [4])
    assert found["cost"].item() == pytest.approx(10.0)
    assert found["gain_per_cost"].item() == pytest.approx(found["expected_gain_mean"].item() / 10)
    assert np.isnan(forecast(make_tree(trials), [4])["cost"].item())


def test_the_same_tree_gives_the_same_numbers():
    tree = make_tree(make_trials(searches=(("a", "m"), ("b", "m"))))
    assert forecast(tree, [3]).identical(forecast(tree, 3))
