"""Every build of the single-search model: generative, finite, refitted by its data alone."""

import dataclasses
from contextlib import contextmanager

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.traversal import ancestors
from pytensor.tensor.variable import TensorConstant
from scipy.special import logit, logsumexp, softmax

import leadline as ll
from leadline.data.prepare import prepare
from leadline.distributions.coordinates import SoftWall
from leadline.inference.sampling import set_data
from leadline.models import single

MAX_DIM = 3.0
RNG = np.random.default_rng(11)


def plain(n, shift):
    """Return scores to minimise, two of them failures."""
    loss = shift + RNG.random(n) + 0.05 * RNG.standard_normal(n)
    return ll.from_scores([*loss, np.nan, np.inf], direction="minimize"), 0


def replicated(n, shift):
    """Return scores to maximise, half of them means over three seeds."""
    expected = -shift - RNG.random(n)
    seeds = [3 if i % 2 else 1 for i in range(n)]
    scores = [list(q + 0.05 * RNG.standard_normal(m)) for q, m in zip(expected, seeds, strict=True)]
    return ll.from_scores(scores, direction="maximize"), 0


def rounded_replicated(n, shift):
    """Return such scores rounded, as accuracies on a hundred examples are."""
    trials, _ = replicated(n, shift)
    table = trials.table.assign(score=trials.table["score"].round(2))
    return dataclasses.replace(trials, table=table), 0.01


class Case:
    """A model, another search of the same structure, and compiled functions of the model."""

    def __init__(self, inputs, other, effective_dim):
        self.inputs, self.other, self.effective_dim = inputs, other, effective_dim
        self.model = model = single.build(*inputs, ll.Priors(), effective_dim)
        variables = [*model.free_RVs, *model.observed_RVs]
        outputs = model.logp(vars=variables, sum=False)
        self.names = [variable.name for variable in variables]
        if effective_dim == "integer":
            outputs += model.replace_rvs_by_values([model["effective_dim_probability"]])
            self.names.append("effective_dim_probability")
        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            self._evaluate = model.compile_fn(outputs, point_fn=True)
            self.gradient = model.compile_dlogp()
        self.start = model.initial_point(random_seed=1)

    def terms(self, point):
        """Return the log-densities at an unconstrained point by variable."""
        return dict(zip(self.names, self._evaluate(point), strict=True))

    def points(self, count):
        """Return random unconstrained points, twice as far out as chains start."""
        rng = np.random.default_rng(2)
        return [
            {name: value + rng.uniform(-2, 2, value.shape) for name, value in self.start.items()}
            for _ in range(count)
        ]

    def point_at(self, gap, noise_ratio, reach, effective_dim):
        """Return the unconstrained point of these parameters."""
        data = single.data_of(*self.inputs)
        typical = effective_dim if self.effective_dim == "continuous" else 2.0
        unit = data["n_tail"] ** (-2.0 / typical) + noise_ratio
        # Arrays: of a bare number PyTensor makes one of 32 bits where it can.
        inputs = map(np.array, (data["gap_of_best"], noise_ratio, unit))
        x = SoftWall(0, 1, 2).forward(pt.constant(np.array(gap)), *map(pt.constant, inputs))
        values = {
            "gap_softwall__": x.eval(mode="FAST_COMPILE"),
            "noise_ratio_log__": np.log(noise_ratio),
            "reach_logodds__": logit(reach),
            # At a bound the coordinate is infinite: 1e-13 inside.
            "effective_dim_interval__": np.clip(
                logit((effective_dim - 1) / (MAX_DIM - 1)), -30, 30
            ),
        }
        return {name: np.asarray(values[name]) for name in self.start}

    @contextmanager
    def other_data(self):
        """Give the model the other search for a while."""
        set_data(self.model, single.data_of(*self.other))
        yield
        set_data(self.model, single.data_of(*self.inputs))


def inputs_of(trials, resolution):
    search = prepare(
        trials, ll.Priors(max_effective_dim=MAX_DIM), tail_fraction=0.5, resolution=resolution
    )
    return search.regime, search.max_effective_dim, search.sign


TABLE = {
    "plain": (plain, "continuous"),
    "rounded_replicated": (rounded_replicated, "continuous"),
    "plain_integer": (plain, "integer"),
    "rounded_replicated_integer": (rounded_replicated, "integer"),
}


@pytest.fixture(scope="module")
def cases():
    searches = {
        make: (inputs_of(*make(30, 0.2)), inputs_of(*make(37, 5.0)))
        for make in (plain, rounded_replicated)
    }
    return {name: Case(*searches[make], dim) for name, (make, dim) in TABLE.items()}


@pytest.fixture(params=TABLE)
def case(request, cases):
    return cases[request.param]


def test_everything_observed_is_a_random_variable(case):
    assert case.model.potentials == []
    assert case.model.deterministics
    observed = {variable.name for variable in case.model.observed_RVs}
    repeated = {"seed_variance"} if case.inputs[0].replicated else set()
    expected = {"loss", "in_regime"} | repeated
    assert observed == expected
    free = {variable.name for variable in case.model.free_RVs}
    dims = {"effective_dim"} if case.effective_dim == "continuous" else set()
    assert free == {"gap", "noise_ratio", "reach"} | dims


def test_density_and_gradient_are_finite(case):
    for point in [case.start, *case.points(20)]:
        for name, term in case.terms(point).items():
            assert np.isfinite(term).all(), (name, point)
        assert np.isfinite(case.gradient(point)).all(), point


def test_gradient_is_that_of_the_density(case):
    def total(point):
        terms = case.terms(point)
        return sum(terms[variable.name].sum() for variable in case.model.basic_RVs)

    point, step = case.points(1)[0], 1e-5
    numerical = []
    for variable in case.model.value_vars:
        name = variable.name
        up, down = (total(point | {name: point[name] + h}) for h in (step, -step))
        numerical.append((up - down) / (2 * step))
    # Central differences: step² times the third derivative, and rounding over the step.
    np.testing.assert_allclose(case.gradient(point), numerical, rtol=1e-5, atol=1e-5)


def test_all_data_are_inputs_of_the_model(case):
    variables = [*case.model.basic_RVs, *case.model.deterministics]
    constants = [node for node in ancestors(variables) if isinstance(node, TensorConstant)]
    # The dimensions that are summed over are part of the model; nothing else has a length.
    assert max(node.data.size for node in constants) <= MAX_DIM
    names = {variable.name for variable in case.model.data_vars}
    assert names == set(single.data_of(*case.inputs))


def test_with_other_data_it_is_the_model_of_the_other_search(case):
    with case.other_data():
        after, gradient = case.terms(case.start), case.gradient(case.start)
    before = case.terms(case.start)
    for variable in case.model.observed_RVs:
        name = variable.name
        assert before[name].sum() != after[name].sum(), name
        assert np.isfinite(after[name]).all()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["rounded_replicated", "rounded_replicated_integer"])
def test_with_other_data_it_equals_a_model_built_on_them(cases, name):
    # These two builds have all the data there can be.
    case = cases[name]
    fresh = Case(case.other, case.inputs, case.effective_dim)
    with case.other_data():
        for point in [fresh.start, *fresh.points(5)]:
            expected = fresh.terms(point)
            for term, value in case.terms(point).items():
                np.testing.assert_array_equal(value, expected[term], err_msg=term)
            np.testing.assert_array_equal(case.gradient(point), fresh.gradient(point))


@pytest.mark.parametrize("name", ["rounded_replicated", "rounded_replicated_integer"])
def test_seeds_may_all_be_of_trials_outside_the_tail(cases, name):
    case = cases[name]
    regime, *others = case.inputs
    single_seeds = regime
    while single_seeds.repeated.size:
        single_seeds = single_seeds.without(single_seeds.repeated[0])
    assert single_seeds.replicated
    kept = np.isin(regime.rows, single_seeds.rows)
    data = single.data_of(*case.inputs)
    # The same coordinates, for the same parameters.
    same = {name: data[name] for name in ("gap_of_best", "n_tail")}
    for point in case.points(5):
        before = case.terms(point)
        set_data(case.model, single.data_of(single_seeds, *others) | same)
        after, gradient = case.terms(point), case.gradient(point)
        set_data(case.model, data)
        assert after["seed_variance"].size == 0
        assert np.isfinite(list(gradient)).all()
        if case.effective_dim == "continuous":
            np.testing.assert_array_equal(after["loss"], before["loss"][kept])


LAWS = [(1.5, 0.2, 0.5), (4.0, 0.02, 0.9), (0.7, 0.6, 0.2), (12.0, 0.1, 0.5)]
# Exponential(1) on gamma − 1, on the integers 1 to 3.
DIMENSIONS = np.arange(1, int(MAX_DIM) + 1)
LOG_WEIGHT = -(DIMENSIONS - 1.0) - logsumexp(-(DIMENSIONS - 1.0))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ["plain", "rounded_replicated"])
def test_the_integer_model_is_the_continuous_one_summed_over_dimensions(cases, name, law):
    continuous, integer = cases[name], cases[f"{name}_integer"]
    each = [continuous.terms(continuous.point_at(*law, gamma)) for gamma in DIMENSIONS]
    joint = LOG_WEIGHT + [terms["loss"].sum() + terms["in_regime"].sum() for terms in each]
    terms = integer.terms(integer.point_at(*law, 2.0))
    # Narrow cells are differences of nearly equal probabilities, which costs digits.
    rtol = 1e-10 if "rounded" in name else 1e-11
    assert terms["loss"] + terms["in_regime"] == pytest.approx(logsumexp(joint), rel=rtol)
    if "seed_variance" in terms:
        np.testing.assert_allclose(terms["seed_variance"], each[0]["seed_variance"], rtol=1e-12)
    probability = terms["effective_dim_probability"]
    np.testing.assert_allclose(probability, softmax(joint), rtol=1e-6, atol=1e-12)
    assert probability.sum() == pytest.approx(1, abs=1e-12)


def test_scores_drawn_from_the_prior_look_like_a_search(case):
    regime, _, _ = case.inputs
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        drawn = pm.sample_prior_predictive(model=case.model, draws=200, random_seed=3)
    prior, predictive = drawn["prior"].isel(chain=0), drawn["prior_predictive"].isel(chain=0)
    assert set(predictive) == {variable.name for variable in case.model.observed_RVs}
    assert predictive["loss"].shape == (200, regime.n_tail)
    assert predictive["in_regime"].shape == (200, len(regime.group_trials))
    depth = (regime.threshold - predictive["loss"].values) / regime.tail_scale
    assert np.isfinite(depth).all()
    assert depth.min() >= 0
    # The tail scale is the median depth of the data: most searches drawn have nearly that one.
    median = np.median(depth, axis=1)
    assert ((median > 1 / 3) & (median < 3)).mean() > 0.6
    assert np.median(median) == pytest.approx(1, abs=0.5)
    counts = predictive["in_regime"].values
    assert (counts >= 0).all()
    assert (counts <= regime.group_trials).all()
    # The prior of the reach is uniform: so are the shares, nearly.
    shares = counts.sum(axis=1) / regime.group_trials.sum()
    assert np.quantile(shares, 0.25) == pytest.approx(0.25, abs=0.15)
    assert np.quantile(shares, 0.75) == pytest.approx(0.75, abs=0.15)
    if regime.replicated:
        ratio = predictive["seed_variance"].values / prior["noise_sd"].values[:, None] ** 2
        # chi² with two degrees of freedom over 2: mean 1 and variance 1.
        assert ratio.mean() == pytest.approx(1, abs=4 / np.sqrt(ratio.size))
    if case.effective_dim == "integer":
        total = prior["effective_dim_probability"].values.sum(axis=-1)
        np.testing.assert_allclose(total, 1, atol=1e-12)
        # Cells of other trials are repeated only on a grid.
        assert len(np.unique(depth[0].round(12))) > regime.n_tail / 3
    else:
        dims = prior["effective_dim"].values
        assert ((dims > 1) & (dims < MAX_DIM)).all()
