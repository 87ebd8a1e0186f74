"""One integer gamma per space, summed out: by hand, beside one search alone, generative."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import REWRITTEN, Case, make_tails
from pytensor import config
from scipy.special import log_softmax, logsumexp, ndtr, softmax
from scipy.stats import binom, lognorm, norm

import leadline as ll
from leadline.models import crossed, hierarchical, independent
from leadline.models.likelihood import structure

# The first and third search have the first space, whose bound is the smaller of theirs.
SPACE = np.array([0, 1, 0])
DIMENSIONS = {0: np.array([1, 2]), 1: np.array([1, 2, 3, 4])}
NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2


def tails_of(sizes, seed=0):
    return make_tails(sizes, seed, spaces=2, bounds=(4.0, 4.0, 2.0))


@pytest.fixture(scope="module")
def case():
    return Case(hierarchical, tails_of((16, 20, 12)), "integer")


def log_likelihood(tails, search, alpha, spread, gamma, sigma):
    """Return the log-probability of the counts and losses of a search, by quadrature.

    With U = V^gamma the expected loss is alpha + spread V², smooth for every integer.
    """
    weight = WEIGHTS * gamma * NODES ** (gamma - 1)
    expected = alpha + spread * NODES**2
    fraction = weight @ ndtr((float(tails["threshold"][search]) - expected) / sigma)
    loss = tails["loss"].to_numpy()[tails["tail_search"] == search]
    density = norm.pdf(loss[:, None], expected, sigma) @ weight
    group = tails.isel(replicate_count=tails["group_search"].to_numpy() == search)
    counts = binom.logpmf(group["n_exceedances"], group["group_trials"], fraction).sum()
    return counts + np.log(density / fraction).sum()


def gap_slopes(case, point):
    """Return the derivatives of the gaps in the coordinate, shape (dimension, search)."""
    step = 1e-5
    up, down = (
        case.values(point | {"gap_coordinate": point["gap_coordinate"] + h})["gap"]
        for h in (step, -step)
    )
    return (up - down) / (2 * step)


def by_hand(case, tails, point, space):
    """Return the log-probability of gamma = j, and of the gaps and all observed of a space."""
    values = case.values(point)
    dimensions = DIMENSIONS[space]
    # Exponential with mean 2 on gamma − 1.
    joint = log_softmax(-(dimensions - 1.0) / 2.0)
    slopes = gap_slopes(case, point)
    for number in np.flatnonzero(space == SPACE):
        names = ("threshold", "tail_scale", "noise_scale")
        threshold, scale, noise_scale = (float(tails[name][number]) for name in names)
        sigma, reach = noise_scale * values["noise_ratio"][number], values["reach"][number]
        for place, gamma in enumerate(dimensions):
            gap = values["gap"][place, number]
            depth = (scale + sigma / 2) * gap
            alpha = threshold + 2 * sigma - depth
            assert values["optimum"][place, number] == pytest.approx(alpha, rel=1e-12)
            prior = lognorm(s=values["gap_scatter"], scale=values["pooled_gap"])
            joint[place] += prior.logpdf(gap) + np.log(slopes[place, number])
            spread = depth * reach ** (-2.0 / gamma)
            assert values["spread"][place, number] == pytest.approx(spread, rel=1e-12)
            joint[place] += log_likelihood(tails, number, alpha, spread, gamma, sigma)
    return joint


def assert_is_the_sum_by_hand(case, tails, point):
    values, terms = case.values(point), case.terms(point)
    joint = {space: by_hand(case, tails, point, space) for space in DIMENSIONS}
    total = sum(logsumexp(of_space) for of_space in joint.values())
    names = ("loss", "in_regime", "gap_coordinate")
    assert sum(terms[name] for name in names) == pytest.approx(total, rel=1e-8)
    for space, of_space in joint.items():
        probability = np.zeros(4)
        probability[: len(of_space)] = softmax(of_space)
        got = values["effective_dim_probability"][space]
        np.testing.assert_allclose(got, probability, rtol=1e-6, atol=1e-12)


def test_the_likelihood_is_the_sum_over_gamma_by_hand(case):
    for point in [case.start, *case.points(3)]:
        assert_is_the_sum_by_hand(case, case.tails, point)


def test_with_other_data_it_is_the_sum_over_those(case):
    other = tails_of((22, 14, 18), seed=1)
    assert structure(other) == structure(case.tails)
    case.set_data(hierarchical.data_of(other))
    try:
        assert_is_the_sum_by_hand(case, other, case.points(1)[0])
    finally:
        case.set_data(case.data)


def test_a_space_is_bounded_by_its_smallest_search(case):
    assert list(case.model.coords["dimension"]) == [1, 2, 3, 4]
    probability = case.values(case.start)["effective_dim_probability"]
    np.testing.assert_array_equal(probability > 0, [[True, True, False, False], [True] * 4])


def test_one_search_has_the_posterior_that_it_has_alone():
    """Given gamma, where the pooled gap is what a search alone has for a prior."""
    tails = make_tails((20,), bounds=(4.0,))
    case = Case(hierarchical, tails, "integer")
    point = case.points(1)[0] | {"pooled_gap_log__": np.array(0.693)}
    point["gap_scatter_log__"] = np.array(0.0)
    values, slopes = case.values(point), gap_slopes(case, point)
    alone = Case(independent, tails, plain=True)
    joint = []
    for place, gamma in enumerate((1.0, 2.0, 3.0, 4.0)):
        own = {name: values[name] for name in ("noise_ratio", "reach")}
        own |= {"gap": values["gap"][place], "effective_dim": np.array([gamma])}
        terms = alone.terms(own)
        names = ("loss", "in_regime", "gap", "effective_dim")
        joint.append(sum(terms[name].sum() for name in names) + np.log(slopes[place, 0]))
    probability = values["effective_dim_probability"][0]
    np.testing.assert_allclose(probability, softmax(joint), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("module", [hierarchical, crossed], ids=["hierarchical", "crossed"])
def test_it_is_generative(module):
    tails = tails_of((16, 20, 12))
    model = module.build(tails, ll.Priors(), "integer")
    with model, config.change_flags(mode="FAST_COMPILE"):
        drawn = pm.sample_prior_predictive(
            draws=400, random_seed=3, compile_kwargs={"mode": REWRITTEN}
        )
        drawn["posterior"] = drawn["prior"].isel(draw=slice(20))
        pm.compute_log_likelihood(drawn, progressbar=False)
        again = pm.sample_posterior_predictive(drawn, random_seed=4, progressbar=False)
    for name in ("loss", "in_regime"):
        assert np.isfinite(drawn["log_likelihood"][name]).all()
        assert np.isfinite(again["posterior_predictive"][name]).all()
    edge = tails["threshold"].to_numpy()[tails["tail_search"]]
    assert (again["posterior_predictive"]["loss"] <= edge).all()
    if module is crossed:
        # Some draws are to be discarded.
        return
    # The mean of the posteriors, given what was drawn from the prior, is the prior.
    after = drawn["prior"]["effective_dim_probability"].isel(chain=0)
    for space, dimensions in DIMENSIONS.items():
        weight = softmax(-(dimensions - 1.0) / 2.0)
        got = after.isel(space=space).sel(dimension=dimensions)
        error = got.std("draw") / np.sqrt(400)
        assert (abs(got.mean("draw") - weight) < 4 * error).all()
