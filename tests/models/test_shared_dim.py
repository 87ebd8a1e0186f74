"""One integer gamma a space, summed out: by hand, beside the single model, generative."""

import numpy as np
import pymc as pm
import pytensor
import pytest
from pymc.model.transform.conditioning import remove_value_transforms
from scipy.special import log_softmax, logsumexp, ndtr, softmax
from scipy.stats import binom, lognorm, norm

import leadline as ll
from leadline.data.prepare import prepare
from leadline.inference.sampling import set_data
from leadline.models import crossed, hierarchical, several, shared_dim, single

RNG = np.random.default_rng(6)
# Space, bound of the effective dimension, and task and model of each search.
SPACES, BOUNDS = np.array([0, 1, 0]), [4.0, 4.0, 2.0]
PAIRS = [(0, 0), (0, 1), (1, 0)]
# The smallest bound of its searches is that of a space.
DIMENSIONS = {0: np.array([1, 2]), 1: np.array([1, 2, 3, 4])}
NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2


def searches_of(sizes):
    """Return searches without failures, of one seed a trial; the last is alone on its task."""
    result = []
    for place, n in enumerate(sizes):
        loss = 0.4 * place + RNG.random(n) + 0.1 * RNG.standard_normal(n)
        trials = ll.from_scores(loss, direction="minimize")
        priors = ll.Priors(max_effective_dim=BOUNDS[place])
        prepared = prepare(trials, priors, tail_fraction=0.5, min_tail=2)
        task, model = PAIRS[place]
        space = int(SPACES[place])
        result.append(several.Search(prepared.regime, BOUNDS[place], space, task, model))
    return result


class Case:
    """A model with its compiled densities and what it tells."""

    def __init__(self, module, searches):
        self.module, self.searches = module, searches
        self.model = model = module.build(searches, 1.0, ll.Priors(), "integer")
        names = ["optimum", "noise_sd", "spread", "tail_fraction", "effective_dim_probability"]
        names += ["pooled_gap", "gap_scatter", "reach", "gap", "gap_coordinate", "noise_ratio"]
        self.names = [*names, "loss", "in_regime", "prior of gap_coordinate"]
        outputs = model.replace_rvs_by_values([model[name] for name in names])
        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            declared = [model[name] for name in ("loss", "in_regime", "gap_coordinate")]
            outputs += model.logp(vars=declared, sum=False, jacobian=False)
            self._values = model.compile_fn(
                outputs, inputs=model.value_vars, point_fn=True, on_unused_input="ignore"
            )
            self.gradient = model.compile_dlogp()
        self.start = model.initial_point(random_seed=1)

    def values(self, point):
        return dict(zip(self.names, self._values(point), strict=True))

    def points(self, count):
        rng = np.random.default_rng(2)
        return [
            {name: value + rng.uniform(-1, 1, value.shape) for name, value in self.start.items()}
            for _ in range(count)
        ]


@pytest.fixture(scope="module")
def case():
    return Case(hierarchical, searches_of((16, 20, 12)))


def log_likelihood(search, alpha, spread, gamma, sigma):
    """Return the log-probability of a search's counts and losses, by quadrature.

    With U = V^gamma the expected loss is alpha + spread V², smooth for every integer.
    """
    regime = search.regime
    weight = WEIGHTS * gamma * NODES ** (gamma - 1)
    expected = alpha + spread * NODES**2
    fraction = weight @ ndtr((regime.threshold - expected) / sigma)
    density = norm.pdf(regime.loss[:, None], expected, sigma) @ weight
    counts = binom.logpmf(regime.group_in_regime, regime.group_trials, fraction).sum()
    return counts + np.log(density / fraction).sum()


def gap_slopes(case, point):
    """Return the derivatives of the gaps in the coordinate, shape (dimension, search)."""
    step = 1e-5
    up, down = (
        case.values(point | {"gap_coordinate": point["gap_coordinate"] + h})["gap"]
        for h in (step, -step)
    )
    return (up - down) / (2 * step)


def by_hand(case, point, space):
    """Return the log-probability of gamma = j, and of the gaps and all observed of a space."""
    values = case.values(point)
    dimensions = DIMENSIONS[space]
    # Exponential with mean 1 on gamma − 1.
    joint = log_softmax(-(dimensions - 1.0))
    slopes = gap_slopes(case, point)
    for number in np.flatnonzero(space == SPACES):
        search = case.searches[number]
        threshold, scale = search.regime.threshold, search.regime.tail_scale
        sigma, reach = scale * values["noise_ratio"][number], values["reach"][number]
        for place, gamma in enumerate(dimensions):
            gap = values["gap"][place, number]
            alpha = threshold - scale * gap
            assert values["optimum"][place, number] == pytest.approx(alpha, rel=1e-12)
            prior = lognorm(s=values["gap_scatter"], scale=values["pooled_gap"])
            joint[place] += prior.logpdf(gap) + np.log(slopes[place, number])
            spread = (threshold - alpha) * reach ** (-2.0 / gamma)
            assert values["spread"][place, number] == pytest.approx(spread, rel=1e-12)
            joint[place] += log_likelihood(search, alpha, spread, gamma, sigma)
    return joint


def assert_is_the_sum_by_hand(case, point):
    values = case.values(point)
    joint = {space: by_hand(case, point, space) for space in DIMENSIONS}
    total = sum(logsumexp(of_space) for of_space in joint.values())
    names = ("loss", "in_regime", "prior of gap_coordinate")
    assert sum(values[name] for name in names) == pytest.approx(total, rel=1e-8)
    for space, of_space in joint.items():
        probability = np.zeros(4)
        probability[: len(of_space)] = softmax(of_space)
        got = values["effective_dim_probability"][space]
        np.testing.assert_allclose(got, probability, rtol=1e-6, atol=1e-12)


def test_the_likelihood_is_the_sum_over_gamma_by_hand(case):
    for point in [case.start, *case.points(3)]:
        assert_is_the_sum_by_hand(case, point)


def test_with_other_data_it_is_the_sum_over_those(case):
    before, other = case.searches, searches_of((22, 14, 18))
    assert several.structure(other) == several.structure(before)
    try:
        case.searches = other
        set_data(case.model, case.module.data_of(other, 1.0))
        assert_is_the_sum_by_hand(case, case.points(1)[0])
    finally:
        case.searches = before
        set_data(case.model, case.module.data_of(before, 1.0))


def test_density_and_gradient_are_finite(case):
    assert case.model.potentials == []
    for point in [case.start, *case.points(10)]:
        assert all(np.isfinite(value).all() for value in case.values(point).values())
        assert np.isfinite(case.gradient(point)).all()


def test_one_search_has_the_posterior_that_it_has_alone():
    """Given gamma, where the pooled gap is what a search alone has for a prior."""
    search = searches_of((20,))[0]
    case = Case(hierarchical, [search])
    point = case.points(1)[0] | {"pooled_gap_log__": np.array(0.693), "gap_scatter_log__": 0.0}
    values = case.values(point)
    joint = []
    alone = single.build(search.regime, BOUNDS[0], 1.0, ll.Priors(), "continuous")
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        names = ("gap", "noise_ratio", "reach", "effective_dim")
        plain = remove_value_transforms(alone)
        terms = [plain["loss"], plain["in_regime"], plain["gap"], plain["effective_dim"]]
        logp = plain.compile_fn(plain.logp(vars=terms))
    for place, gamma in enumerate((1.0, 2.0, 3.0, 4.0)):
        own = (values["gap"][place, 0], values["noise_ratio"][0], values["reach"][0], gamma)
        slope = np.log(gap_slopes(case, point)[place, 0])
        joint.append(logp(dict(zip(names, own, strict=True))) + slope)
    probability = values["effective_dim_probability"][0]
    np.testing.assert_allclose(probability, softmax(joint), rtol=1e-6)


def test_a_space_is_bounded_by_its_smallest_search(case):
    assert shared_dim.bounds(case.searches) == {0: 2.0, 1: 4.0}
    assert list(case.model.coords["dimension"]) == [1, 2, 3, 4]


def test_it_is_generative():
    searches = searches_of((16, 20, 12))
    model = crossed.build(searches, 1.0, ll.Priors(), "integer")
    with model, pytensor.config.change_flags(mode="FAST_COMPILE"):
        drawn = pm.sample_prior_predictive(draws=400, random_seed=3)
        drawn["posterior"] = drawn["prior"].isel(draw=slice(20))
        pm.compute_log_likelihood(drawn, progressbar=False)
        again = pm.sample_posterior_predictive(drawn, random_seed=4, progressbar=False)
    for name in ("loss", "in_regime"):
        assert np.isfinite(drawn["log_likelihood"][name]).all()
        assert np.isfinite(again["posterior_predictive"][name]).all()
    thresholds = np.concatenate([np.full(s.regime.n_tail, s.regime.threshold) for s in searches])
    assert (again["posterior_predictive"]["loss"] <= thresholds).all()
    # What is believed after seeing what was drawn is on average what was believed before.
    after = drawn["prior"]["effective_dim_probability"].isel(chain=0)
    for space, dimensions in DIMENSIONS.items():
        weight = softmax(-(dimensions - 1.0))
        got = after.isel(space=space).sel(dimension=dimensions)
        error = got.std("draw") / np.sqrt(400)
        assert (abs(got.mean("draw") - weight) < 4 * error).all()
