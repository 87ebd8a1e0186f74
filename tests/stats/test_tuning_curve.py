"""Tuning curves against simulation from the law, closed forms and observed scores."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
from helpers import (
    ALPHA,
    GAMMA,
    SIGMA,
    SPREAD,
    make_tree,
    make_trials,
    reference_cdf,
    simulate_losses,
)
from scipy.special import beta

from leadline.stats.best_expected import expected_mean, expected_quantile
from leadline.stats.best_measured import measured_mean, measured_quantile
from leadline.stats.fitted_search import fitted_search
from leadline.stats.observed_body import cumulative_weights
from leadline.stats.tuning_curve import empirical_tuning_curve, tuning_curve

BUDGETS = np.array([4.0, 128.0])
SEARCHES = 3000
LAW = (ALPHA, SPREAD, GAMMA, SIGMA)
# Density infinite at the optimum; noise as large as the range.
LAWS = [LAW, (ALPHA, SPREAD, 1.0, 0.1), (ALPHA, SPREAD, 5.0, 0.005), (ALPHA, SPREAD, 1.5, 0.5)]
any_search = functools.cache(lambda: fitted_search(make_tree(draws=10), "digits / mlp"))


def one_draw(law=LAW, body=(), n_outside=0, theta=None):
    """Return a search with one draw; the losses of `body` are worse than `theta`."""
    alpha, spread, gamma, sigma = law
    theta = alpha + spread + 9 * sigma if theta is None else theta
    fraction = float(reference_cdf(theta, *law)) if n_outside else 1.0
    names = ("alpha", "beta", "gamma", "sigma", "threshold", "tail_fraction", "n_tail")
    values = (alpha, alpha + spread, gamma, sigma, theta, fraction, 0)
    arrays = {name: np.full((1, 1), value) for name, value in zip(names, values, strict=True)}
    search = any_search().isel(slice(1))
    return dataclasses.replace(search, losses=np.array(body), n_trials=n_outside, **arrays)


def simulate_best(law, budget, theta=np.inf):
    """Return the measured and the expected losses of the best trials beyond `theta`."""
    expected, measured = simulate_losses(SEARCHES * int(budget), 3, law)
    measured = np.where(measured <= theta, measured, np.inf).reshape(SEARCHES, -1)
    best = np.arange(SEARCHES), measured.argmin(axis=1)
    found = np.isfinite(measured[best])
    return measured[best][found], expected.reshape(measured.shape)[best][found]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_against_simulation(law, budget):
    measured, expected = simulate_best(law, budget)
    search, k = one_draw(law), np.array([budget])
    for values, mean, quantile in (
        (measured, measured_mean, measured_quantile),
        (expected, expected_mean, expected_quantile),
    ):
        # Four standard errors of the simulation, and the error of the panels.
        near = 0.003 * SPREAD
        tolerance = 4 * values.std() / np.sqrt(SEARCHES) + near
        assert mean(search, k)[0, 0] == pytest.approx(values.mean(), abs=tolerance)
        for prob in (0.1, 0.5, 0.9):
            # In probability, where the simulation's error is the same for every law.
            loss = quantile(search, k, prob)[0, 0]
            error = 4 * np.sqrt(prob * (1 - prob) / SEARCHES)
            assert (values < loss - near).mean() < prob + error
            assert (values < loss + near).mean() > prob - error


@pytest.mark.parametrize(
    ("law", "theta"),
    [
        # The threshold is better than the optimum, about as good, and worse.
        ((ALPHA, SPREAD, 2.0, 0.15), ALPHA - 0.1),
        ((ALPHA, SPREAD, 2.0, 0.15), ALPHA + 0.02),
        ((ALPHA, SPREAD, 3.0, 0.1), ALPHA + 0.15),
    ],
)
@pytest.mark.parametrize("budget", [16, 100])
def test_trials_on_both_sides_of_the_threshold_count_where_luck_passes_it(law, theta, budget):
    expected, measured = (own.reshape(-1, budget) for own in simulate_losses(800_000, 5, law))
    best = np.arange(len(measured)), measured.argmin(axis=1)
    wanted = np.where(measured[best] <= theta, expected[best], measured[best])
    body = np.sort(simulate_losses(3000, 6, law)[1])
    search = one_draw(law, body=body, n_outside=len(body), theta=theta)
    n_tail = np.full((1, 1), (body <= theta).sum())
    search, k = dataclasses.replace(search, n_tail=n_tail), np.array([float(budget)])
    for prob in (0.1, 0.5, 0.9):
        loss = expected_quantile(search, k, prob)[0, 0]
        assert (wanted < loss - 0.004).mean() < prob + 0.01
        assert (wanted < loss + 0.004).mean() > prob - 0.01
    assert expected_mean(search, k)[0, 0] == pytest.approx(wanted.mean(), abs=2e-3)


@pytest.mark.parametrize("budget", BUDGETS)
def test_luck_beyond_the_threshold_counts(budget):
    # With much noise, trials that measure beyond the threshold come from far short of it.
    law, theta = (ALPHA, SPREAD, 2.0, 0.15), 0.3
    _, values = simulate_best(law, budget, theta)
    search, k = one_draw(law, theta=theta, n_outside=10), np.array([budget])
    tolerance = 4 * values.std() / np.sqrt(len(values)) + 0.003 * SPREAD
    assert expected_mean(search, k)[0, 0] == pytest.approx(values.mean(), abs=tolerance)
    loss = expected_quantile(search, k, 0.5 * len(values) / SEARCHES)[0, 0]
    assert (values < loss).mean() == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 7.0])
def test_closed_form_without_noise(gamma):
    search = one_draw((ALPHA, SPREAD, gamma, 1e-7))
    for prob in (0.2, 0.5, 0.95):
        level = 1 - (1 - prob) ** (1 / BUDGETS)
        exact = ALPHA + SPREAD * level ** (2 / gamma)
        # sigma is not zero.
        np.testing.assert_allclose(measured_quantile(search, BUDGETS, prob)[0], exact, atol=1e-6)
        # Linear within panels, on which the power law is nearly linear.
        np.testing.assert_allclose(expected_quantile(search, BUDGETS, prob)[0], exact, atol=1e-3)
    # The mean of the smallest of k uniforms to the power 2/gamma is k B(k, 1 + 2/gamma).
    exact = ALPHA + SPREAD * BUDGETS * beta(BUDGETS, 1 + 2 / gamma)
    np.testing.assert_allclose(measured_mean(search, BUDGETS)[0], exact, atol=1e-5)
    np.testing.assert_allclose(expected_mean(search, BUDGETS)[0], exact, atol=3e-3 * SPREAD)


def test_measured_quantile_is_the_inverse_of_the_reference_law():
    search = one_draw(theta=0.4, body=[0.5, 0.6, 0.7, 0.8], n_outside=4)
    loss = measured_quantile(search, BUDGETS, 0.3)[0]
    best = 1 - (1 - reference_cdf(loss, *LAW)) ** BUDGETS
    # The reference is a mean over 4,000 levels.
    np.testing.assert_allclose(best, 0.3, atol=2e-3)


def shares_of(search):
    """Return the shares of the body of the first draw, the last that of the failed trials."""
    _, cumulative, total = next(cumulative_weights(search))
    return np.diff(np.append(cumulative[0], total[0])) / total[0]


def test_short_of_the_threshold_the_observed_scores_stand_in():
    search = one_draw(theta=0.4, body=[0.5, 0.6, 0.7], n_outside=4)
    fraction = search.tail_fraction[0, 0]
    one, ends = np.array([1.0]), np.cumsum(shares_of(search))
    for end, loss in zip(ends, (0.5, 0.6, 0.7, np.inf), strict=True):
        prob = fraction + (end - 1e-6) * (1 - fraction)
        for quantile in (measured_quantile, expected_quantile):
            assert quantile(search, one, prob)[0, 0] == loss


@pytest.mark.parametrize("mean", [measured_mean, expected_mean])
def test_mean_with_failures_is_over_searches_with_a_completed_trial(mean):
    body, n_outside, shape = [0.5, 0.6, 0.7], 6, (80_000, 3)
    search = one_draw(theta=0.4, body=body, n_outside=n_outside)
    rng = np.random.default_rng(5)
    expected, measured = simulate_losses(800_000, 4)
    tail = np.flatnonzero(measured <= 0.4)[: np.prod(shape)].reshape(shape)
    other = rng.choice(np.append(body, np.inf), shape, p=shares_of(search))
    beyond = rng.random(shape) < search.tail_fraction
    seen = np.where(beyond, measured[tail], other)
    wanted = seen if mean is measured_mean else np.where(beyond, expected[tail], other)
    best = np.take_along_axis(wanted, seen.argmin(axis=1)[:, None], 1)
    best = best[np.isfinite(best)]
    tolerance = 5 * best.std() / np.sqrt(len(best)) + 1e-3
    found = mean(search, np.array([float(shape[1])]))[0, 0]
    assert found == pytest.approx(best.mean(), abs=tolerance)


@pytest.mark.parametrize("kind", ["measured", "expected"])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9, "mean"])
def test_maximising_is_minimising_upside_down(kind, quantile):
    down = tuning_curve(make_tree(make_trials("minimize")), BUDGETS, quantile=quantile, kind=kind)
    mirrored = quantile if quantile == "mean" else 1 - quantile
    up = tuning_curve(make_tree(make_trials("maximize")), BUDGETS, quantile=mirrored, kind=kind)
    np.testing.assert_allclose(up.values, -down.values, rtol=1e-9)


@pytest.mark.parametrize("kind", ["measured", "expected"])
@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.95, "mean"])
def test_more_trials_never_make_it_worse(kind, quantile):
    tree = make_tree()
    budgets = np.unique(np.round(np.geomspace(1, 1e6, 40)))
    curve = tuning_curve(tree, budgets, quantile=quantile, kind=kind).isel(search=0).values
    finite = np.where(np.isinf(curve), 1e3, curve)
    assert not np.isnan(curve).any()
    # Panels may leave a wrinkle far below what matters.
    assert np.diff(finite, axis=-1).max() < 2e-4 * SPREAD


def test_the_expected_score_is_worse_than_the_measured_and_never_beyond_the_optimum():
    tree = make_tree()
    measured = tuning_curve(tree, [20, 2000, 200_000])
    expected = tuning_curve(tree, [20, 2000, 200_000], kind="expected")
    assert (expected.values > measured.values - 2e-4).all()
    assert (expected > tree["posterior"]["optimum"]).all()
    far_past = measured.sel(budget=200_000) < tree["posterior"]["optimum"]
    assert far_past.mean() > 0.95


def test_dims_coordinates_and_provenance():
    tree = make_tree(make_trials(searches=(("digits", "mlp"), ("mnist", "mlp"))), draws=20)
    curve = tuning_curve(tree, [1, 10], quantile=0.25)
    assert dict(curve.sizes) == {"chain": 4, "draw": 20, "search": 2, "budget": 2}
    for name, values in (("search", ["digits", "mnist"]), ("budget", [1, 10])):
        assert curve[name].values.tolist() == values
    assert curve["task"].values.tolist() == ["digits", "mnist"]
    assert curve.attrs == {"quantile": 0.25, "kind": "measured", "direction": "minimize"}


@pytest.mark.parametrize(
    ("direction", "quantile", "worst"), [("minimize", 0.95, np.inf), ("maximize", 0.05, -np.inf)]
)
def test_the_best_of_one_trial_fails_as_often_as_trials_do(direction, quantile, worst):
    tree = make_tree(make_trials(direction, n_failed=60), tail_fraction=0.3)
    assert (tuning_curve(tree, [1], quantile=quantile) == worst).all()
    assert np.isfinite(tuning_curve(tree, [1], quantile="mean")).all()


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def few(request):
    return make_tree(make_trials(request.param, n=14, n_failed=3), tail_fraction=0.6, draws=5)


@pytest.mark.parametrize("budget", [1, 2, 5, 14])
def test_the_observed_curve_is_the_average_over_all_subsets(few, budget):
    down = few.attrs["direction"] == "minimize"
    scores = few["constant_data"]["trial_score"].values
    filled = np.where(np.isnan(scores), np.inf if down else -np.inf, scores)
    choose = min if down else max
    best = np.sort([choose(subset) for subset in itertools.combinations(filled, budget)])
    # None of them falls on a step, where rounding decides.
    for quantile in np.linspace(0.0131, 0.987, 75):
        expected = best[int(np.ceil(quantile * len(best))) - 1]
        assert empirical_tuning_curve(few, budget, quantile=quantile).item() == expected
    mean = empirical_tuning_curve(few, budget, quantile="mean").item()
    assert mean == pytest.approx(best[np.isfinite(best)].mean())


def test_the_observed_curve_ends_at_the_best_seen(few):
    scores = few["constant_data"]["trial_score"].values
    best = np.nanmin(scores) if few.attrs["direction"] == "minimize" else np.nanmax(scores)
    curve = empirical_tuning_curve(few, [14, 15])
    assert curve.dims == ("search", "budget")
    assert curve.values[0, 0] == best
    assert np.isnan(curve.values[0, 1])
