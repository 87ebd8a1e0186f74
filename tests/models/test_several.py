"""The models of several searches: generative, finite, and for each search what it is alone."""

import dataclasses
import functools

import numpy as np
import pymc as pm
import pytensor
import pytest
from pytensor.graph.traversal import ancestors
from pytensor.tensor.variable import TensorConstant
from scipy import stats

import leadline as ll
from leadline.data.prepare import prepare
from leadline.inference.sampling import set_data
from leadline.models import crossed, hierarchical, several, single

RNG = np.random.default_rng(12)
MODULES = {"hierarchical": hierarchical, "crossed": crossed}
# Task and model of each search; one pair is missing.
PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)]
SPACES = [0, 1, 0, 1, 1]


def regime_of(n, shift, repeat, resolution):
    """Return the regime of a search, half of whose trials may be means over three seeds."""
    expected = shift + RNG.random(n)
    seeds = [3 if repeat and i % 2 else 1 for i in range(n)]
    scores = [list(q + 0.05 * RNG.standard_normal(m)) for q, m in zip(expected, seeds, strict=True)]
    if resolution:
        scores = [[round(score, 2) for score in own] for own in scores]
    trials = ll.from_scores(scores if repeat else [own[0] for own in scores], direction="minimize")
    return prepare(trials, ll.Priors(), tail_fraction=0.5, resolution=resolution, min_tail=2).regime


def searches_of(sizes, repeat=False, resolution=0.0, spaces=1):
    return [
        several.Search(
            # Some searches have repeated trials or a grid, others do not.
            regime_of(n, place, repeat and place % 2 == 0, resolution if place != 1 else 0.0),
            max_effective_dim=3.0 + place % 2,
            space=SPACES[place] if spaces > 1 else 0,
            task=PAIRS[place][0],
            model=PAIRS[place][1],
        )
        for place, n in enumerate(sizes)
    ]


class Case:
    """A model with compiled functions."""

    def __init__(self, kind, searches):
        self.kind, self.searches = kind, searches
        self.module = MODULES[kind]
        self.model = model = self.module.build(searches, 1.0, ll.Priors())
        variables = [*model.free_RVs, *model.observed_RVs]
        self.names = [variable.name for variable in variables]
        own = [model[name] for name in ("gap", "noise_ratio", "reach")]
        made = model.replace_rvs_by_values([*model.deterministics, *own])
        self.made = [*(variable.name for variable in model.deterministics), "gap", "noise_ratio"]
        self.made.append("reach")
        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            outputs = model.logp(vars=variables, sum=False)
            self._terms = model.compile_fn(outputs, point_fn=True)
            self._values = model.compile_fn(
                made, inputs=model.value_vars, point_fn=True, on_unused_input="ignore"
            )
        self.start = model.initial_point(random_seed=1)

    @functools.cached_property
    def gradient(self):
        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            return self.model.compile_dlogp()

    def terms(self, point):
        return dict(zip(self.names, self._terms(point), strict=True))

    def values(self, point):
        return dict(zip(self.made, self._values(point), strict=True))

    def points(self, count):
        rng = np.random.default_rng(2)
        return [
            {name: value + rng.uniform(-1, 1, value.shape) for name, value in self.start.items()}
            for _ in range(count)
        ]


TABLE = {
    "hierarchical_spaces": ("hierarchical", {"spaces": 2, "repeat": True, "resolution": 0.01}),
    "crossed": ("crossed", {}),
}
SIZES = (24, 30, 6, 18, 4)


@pytest.fixture(scope="module")
def cases():
    return {name: Case(kind, searches_of(SIZES, **how)) for name, (kind, how) in TABLE.items()}


@pytest.fixture(params=TABLE)
def case(request, cases):
    return cases[request.param]


def test_everything_observed_is_a_random_variable(case):
    assert case.model.potentials == []
    observed = {variable.name for variable in case.model.observed_RVs}
    assert {"loss", "in_regime"} <= observed <= {"loss", "in_regime", "seed_variance"}
    names = {variable.name for variable in case.model.data_vars}
    assert names == set(case.module.data_of(case.searches, 1.0))


def test_density_and_gradient_are_finite(case):
    for point in [case.start, *case.points(20)]:
        for name, term in case.terms(point).items():
            assert np.isfinite(term).all(), (name, point)
        assert np.isfinite(case.gradient(point)).all(), point


def test_gradient_is_that_of_the_density(case):
    def total(point):
        return sum(term.sum() for term in case.terms(point).values())

    point, step = case.points(1)[0], 1e-5
    numerical = []
    for variable in case.model.value_vars:
        name = variable.name
        for place in np.ndindex(point[name].shape):
            h = np.zeros(point[name].shape)
            h[place] = step
            up, down = (total(point | {name: point[name] + sign * h}) for sign in (1, -1))
            numerical.append((up - down) / (2 * step))
    # Central differences: step² times the third derivative, and rounding over the step.
    np.testing.assert_allclose(case.gradient(point), numerical, rtol=1e-4, atol=1e-4)


def test_no_data_is_a_constant_of_the_graph(case):
    variables = [*case.model.basic_RVs, *case.model.deterministics]
    constants = [node for node in ancestors(variables) if isinstance(node, TensorConstant)]
    # Numbers of searches and spaces are the model's; a vector of data has no place here.
    assert max(node.data.size for node in constants) <= len(case.searches)


@pytest.mark.parametrize("name", TABLE)
def test_with_other_data_it_equals_a_model_built_on_them(cases, name):
    case = cases[name]
    other = searches_of((20, 26, 10, 8, 12), **TABLE[name][1])
    assert several.structure(other) == several.structure(case.searches)
    fresh = Case(case.kind, other)
    set_data(case.model, case.module.data_of(other, 1.0))
    try:
        for point in [fresh.start, *fresh.points(3)]:
            expected = fresh.terms(point)
            for term, value in case.terms(point).items():
                np.testing.assert_array_equal(value, expected[term], err_msg=term)
    finally:
        set_data(case.model, case.module.data_of(case.searches, 1.0))


@pytest.mark.parametrize("name", ["hierarchical_spaces", "crossed"])
def test_each_search_has_the_likelihood_that_it_has_alone(cases, name):
    case = cases[name]
    point = case.points(1)[0]
    terms, values = case.terms(point), case.values(point)
    owner = case.module.data_of(case.searches, 1.0)
    for number, search in enumerate(case.searches):
        alone = single.build(search.regime, search.max_effective_dim, 1.0, ll.Priors())
        own = {one: values[one][number] for one in ("gap", "noise_ratio", "reach", "effective_dim")}
        given = pm.do(alone, own)
        # Narrow cells are differences of nearly equal probabilities, which costs digits.
        rtol = 1e-7 if search.regime.resolution else 1e-9
        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            expected = given.compile_fn(given.logp(vars=given.observed_RVs, sum=False))({})
        for variable, want in zip(given.observed_RVs, expected, strict=True):
            of = {
                "loss": "tail_search",
                "in_regime": "group_search",
                "seed_variance": "seed_search",
            }
            got = terms[variable.name][owner[of[variable.name]] == number]
            if variable.name == "loss" and not search.regime.resolution:
                # Beside searches with a grid, one without has a grid of a ten-thousandth.
                rtol = 1e-6
            np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-6)
        assert values["optimum"][number] == pytest.approx(
            search.regime.threshold - search.regime.tail_scale * own["gap"], rel=1e-12
        )


def test_effective_dims_keep_their_bounds_and_their_pool(cases):
    case = cases["hierarchical_spaces"]
    upper = np.array([search.max_effective_dim for search in case.searches])
    for scale in (1.0, 8.0):
        for point in case.points(10):
            wild = {name: scale * value for name, value in point.items()}
            gamma = case.values(wild)["effective_dim"]
            assert (gamma >= 1).all()
            assert (gamma <= upper).all()
    # Without departures all searches of a space, with one bound, have its effective dimension.
    point = case.points(1)[0]
    point = point | {
        name: 0 * value for name, value in point.items() if name.endswith("_departure")
    }
    values = case.values(point)
    for number, search in enumerate(case.searches):
        pooled = values["pooled_effective_dim"][search.space]
        largest = max(s.max_effective_dim for s in case.searches if s.space == search.space)
        excess = 1 / (1 / (pooled - 1) - 1 / (largest - 1))
        want = 1 / (1 / excess + 1 / (search.max_effective_dim - 1))
        assert values["effective_dim"][number] == pytest.approx(1 + want, rel=1e-9)


def test_an_optimum_of_the_crossed_model_is_normal_around_its_task_and_model(cases):
    case = cases["crossed"]
    data = crossed.data_of(case.searches, 1.0)
    point = case.points(1)[0]
    values, terms = case.values(point), case.terms(point)
    sd = np.exp(point["interaction_sd_log__"])
    assert values["model_effect"].sum() == pytest.approx(0, abs=1e-12)
    for number, search in enumerate(case.searches):
        scale = values["task_scale"][search.task]
        expected = (
            values["task_location"][search.task] + scale * values["model_effect"][search.model]
        )
        below = data["threshold"][number]
        prior = stats.truncnorm(
            -np.inf, (below - expected) / (scale * sd), loc=expected, scale=scale * sd
        )
        # In gaps: the density of the optimum times the tail scale, and the slope of the coordinate.
        log_density = prior.logpdf(values["optimum"][number]) + np.log(data["tail_scale"][number])
        gap_slope = _gap_slope(case, point, number)
        assert terms["gap"][number] == pytest.approx(log_density + np.log(gap_slope), abs=1e-6)


def _gap_slope(case, point, number):
    step = np.zeros(len(case.searches))
    step[number] = 1e-6
    up, down = (
        case.values(point | {"gap_softwall__": point["gap_softwall__"] + sign * step})["gap"][
            number
        ]
        for sign in (1, -1)
    )
    return (up - down) / 2e-6


def test_searches_drawn_from_the_prior(case):
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        drawn = pm.sample_prior_predictive(
            model=case.model,
            draws=200,
            random_seed=3,
            compile_kwargs={"mode": "FAST_COMPILE"},
        )
    prior, predictive = drawn["prior"].isel(chain=0), drawn["prior_predictive"].isel(chain=0)
    regimes = [search.regime for search in case.searches]
    assert predictive["loss"].shape == (200, sum(regime.n_tail for regime in regimes))
    thresholds = np.concatenate([np.full(r.n_tail, r.threshold) for r in regimes])
    assert (predictive["loss"].values <= thresholds).all()
    assert (prior["gap"].values > 0).all()
    # The prior of the reach is uniform: so are the shares, nearly.
    trials = case.module.data_of(case.searches, 1.0)["group_trials"]
    shares = (predictive["in_regime"].values / trials).mean(axis=1)
    assert shares.mean() == pytest.approx(0.5, abs=0.1)


def test_the_scale_of_a_task_sees_how_far_its_models_are_apart():
    near, far = (searches_of((20, 20, 20, 20, 20)) for _ in range(2))
    far[1] = dataclasses.replace(
        far[1],
        regime=dataclasses.replace(
            far[1].regime, threshold=far[1].regime.threshold + 10, loss=far[1].regime.loss + 10
        ),
    )
    units = [crossed.data_of(searches, 1.0)["task_unit"] for searches in (near, far)]
    assert units[1][0] > 4
    assert units[0][2] == pytest.approx(near[4].regime.tail_scale)


def test_depths_of_tasks_scatter_around_the_pooled_one():
    """The same story as of the gaps of a hierarchy: log-normal, with the median `pooled_gap`."""
    searches = searches_of(SIZES)
    model = crossed.build(searches, 1.0, ll.Priors())
    variables = [model[name] for name in ("task_depth", "pooled_gap", "gap_scatter")]
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        drawn = pm.draw([*variables, model["task_location"]], 400, random_seed=3)
    depth, median, scatter, location = drawn
    z = np.log(depth / median[:, None]) / scatter[:, None]
    assert stats.kstest(z[:, 0], "norm").pvalue > 1e-3
    data = crossed.data_of(searches, 1.0)
    np.testing.assert_allclose(location, data["task_anchor"] - data["task_unit"] * depth)
