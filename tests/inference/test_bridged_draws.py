"""Draws of two fits of a search as one sample: the evidence of every population, and no other."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from leadline.inference.bridged_draws import bridge_draws, given_population
from leadline.inference.draw_ratios import log_ratios
from leadline.models.population import COORDINATES

# Two thresholds, whose likelihoods are normal: the prior and the population of a second fit too.
LIKELIHOODS = [(1.0, 0.5), (-0.5, 1.0)]
WEIGHTS = np.array([0.7, 0.3])
PRIOR, POPULATION = (0.0, 1.0), (1.4, 0.2)
DIMS = len(COORDINATES)


def posterior_of(likelihood, prior):
    """Return the mean, the sd and the log-evidence of a normal likelihood and a normal prior."""
    (centre, width), (mean, sd) = likelihood, prior
    precision = width**-2 + sd**-2
    middle = (centre * width**-2 + mean * sd**-2) / precision
    return middle, precision**-0.5, DIMS * norm.logpdf(centre, mean, np.hypot(width, sd))


def gains(population):
    """Return the log-evidence of each threshold, less that under the prior."""
    return [posterior_of(own, population)[2] - posterior_of(own, PRIOR)[2] for own in LIKELIHOODS]


def log_evidence(population):
    """Return the log-evidence over both thresholds, whose weights are those of the prior."""
    parts = [posterior_of(own, population)[2] - posterior_of(own, PRIOR)[2] for own in LIKELIHOODS]
    return logsumexp(parts, b=WEIGHTS)


def draws_given(prior, count, rng):
    """Return draws of the mixture of thresholds under a prior, and the prior of the search."""
    parts = [posterior_of(own, prior) for own in LIKELIHOODS]
    # As in the joint posterior: the first weights, times what the prior adds.
    log_weight = [
        own[2] - posterior_of(like, PRIOR)[2] for own, like in zip(parts, LIKELIHOODS, strict=True)
    ]
    weight = WEIGHTS * np.exp(log_weight)
    candidate = np.sort(rng.choice(2, count, p=weight / weight.sum()))
    mean, sd = (np.array([own[place] for own in parts])[candidate, None] for place in (0, 1))
    z = mean + sd * rng.standard_normal((count, DIMS))
    log_base = norm.logpdf(z, *PRIOR).sum(axis=-1)
    return xr.Dataset(
        {
            "z": (("draw", "coordinate"), z),
            "log_base": ("draw", log_base),
            "candidate": ("draw", candidate),
            "width": ("coordinate", np.zeros(DIMS)),
        }
    )


def population_of(mean, sd):
    like = np.ones((1, DIMS))
    dims = ("search", "coordinate")
    return xr.Dataset({"population_mean": (dims, mean * like), "population_sd": (dims, sd * like)})


def found(draws, populations):
    """Return the log-evidence that draws give to populations (mean, sd), up to a constant."""
    mean, sd = (
        np.repeat(np.array(own)[:, None], DIMS, 1) for own in zip(*populations, strict=True)
    )
    return logsumexp(log_ratios(draws, mean, sd), axis=-1)


POPULATIONS = [PRIOR, POPULATION, (1.0, 0.5), (1.4, 0.1), (0.5, 0.3), (-0.5, 0.4), (1.6, 0.2)]


@pytest.fixture(scope="module")
def fits():
    rng = np.random.default_rng(1)
    return draws_given(PRIOR, 6000, rng), draws_given(POPULATION, 2000, rng)


def error(draws):
    """Return the errors of the log-evidence of all populations, the constant left out."""
    apart = found(draws, POPULATIONS) - [log_evidence(own) for own in POPULATIONS]
    return np.abs(apart - apart[0])


def test_both_fits_give_the_evidence_where_either_has_draws(fits):
    first, second = fits
    assert error(bridge_draws(first, second, population_of(*POPULATION))).max() < 0.2
    # The first has few draws where a narrow population is, the second none elsewhere.
    assert error(first).max() > 0.5
    assert error(given_population(second, population_of(*POPULATION))).max() > 1.0


def test_thresholds_keep_the_weights_of_the_first_fit(fits):
    first, second = fits
    both = bridge_draws(first, second, population_of(*POPULATION))
    for mean, sd in (PRIOR, POPULATION, (-0.5, 0.4)):
        ratio = log_ratios(both, np.full((1, DIMS), mean), np.full((1, DIMS), sd))[0]
        share = np.exp(ratio - logsumexp(ratio))[both["candidate"].to_numpy() == 1].sum()
        odds = WEIGHTS * np.exp(gains((mean, sd)))
        assert share == pytest.approx(odds[1] / odds.sum(), abs=0.02)


def test_a_threshold_that_the_second_fit_leaves_out_keeps_its_first_draws(fits):
    first, second = fits
    fewer = second.isel(draw=second["candidate"].to_numpy() == 0)
    assert error(bridge_draws(first, fewer, population_of(*POPULATION)))[:4].max() < 0.15


def test_a_draw_of_either_fit_is_as_wide_as_one_of_the_second(fits):
    first, second = (
        own.assign(width=("coordinate", np.full(DIMS, width)))
        for own, width in zip(fits, (0.5, 0.02), strict=True)
    )
    both = bridge_draws(first, second, population_of(*POPULATION))
    np.testing.assert_allclose(both["width"], 0.02)


def test_draws_know_the_population_for_which_kernels_are_narrow(fits):
    first, second = fits
    population = population_of(*POPULATION)
    for own in (given_population(second, population), bridge_draws(first, second, population)):
        np.testing.assert_allclose(own["population_mean"], np.full(DIMS, POPULATION[0]))
        np.testing.assert_allclose(own["population_sd"], np.full(DIMS, POPULATION[1]))
