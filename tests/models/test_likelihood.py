"""All models: generative, finite, and refitted by their data alone."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import REWRITTEN, TABLE, Case, case, case_of_other_data
from pytensor.graph.traversal import ancestors
from pytensor.tensor.variable import TensorConstant

import leadline as ll
from leadline.data.tails import cut_tail, without_trial
from leadline.models import crossed, independent
from leadline.models.likelihood import data_of, has_replicates, structure


@pytest.fixture(params=TABLE)
def built(request):
    return case(request.param)


def test_everything_observed_is_a_random_variable(built):
    assert built.model.potentials == []
    assert built.model.deterministics
    repeated = {"seed_variance"} if has_replicates(built.tails) else set()
    observed = {variable.name for variable in built.model.observed_RVs}
    assert observed == {"loss", "in_regime"} | repeated
    if built.module is independent:
        dims = {"effective_dim"} if built.effective_dim == "continuous" else set()
        free = {variable.name for variable in built.model.free_RVs}
        assert free == {"gap", "noise_ratio", "reach"} | dims


# Quickly: tests/models/test_pinned_densities.py.
@pytest.mark.slow
def test_density_and_gradient_are_finite(built):
    for point in [built.start, *built.points(10, width=1.5)]:
        for name, term in built.terms(point).items():
            assert np.isfinite(term).all(), (name, point)
        assert np.isfinite(built.gradient(point)).all(), point


def test_all_data_are_inputs_of_the_model(built):
    variables = [*built.model.basic_RVs, *built.model.deterministics]
    constants = [node for node in ancestors(variables) if isinstance(node, TensorConstant)]
    # Numbers of searches and dimensions are part of the model; a vector of data is not.
    assert max(node.data.size for node in constants) <= max(3, built.tails.sizes["search"])
    names = {variable.name for variable in built.model.data_vars}
    assert names == set(built.module.data_of(built.tails))


# These have all the data that there can be; the hierarchical one has those of `single_full`.
@pytest.mark.parametrize("name", ["single_full_integer", "hierarchical", "crossed"])
def test_with_other_data_it_equals_a_model_built_on_them(name):
    built, fresh = case(name), case_of_other_data(name)
    assert structure(fresh.tails) == structure(built.tails)
    before = built.terms(built.start)
    built.set_data(fresh.data)
    try:
        for point in [fresh.start, *fresh.points(3)]:
            expected = fresh.terms(point)
            for term, value in built.terms(point).items():
                np.testing.assert_array_equal(value, expected[term], err_msg=term)
    finally:
        built.set_data(built.data)
    for term in ("loss", "in_regime"):
        assert before[term].sum() != fresh.terms(fresh.start)[term].sum()


def test_seeds_may_all_be_of_trials_outside_the_tail():
    built = case("single_full")
    tails = built.tails
    while (tails["replicates"] > 1).any():
        tails = without_trial(tails, int(np.argmax(tails["replicates"].to_numpy() > 1)))
    assert structure(tails) == structure(built.tails)
    kept = np.isin(built.tails["row"], tails["row"])
    # The same coordinates, for the same parameters.
    same = {key: built.data[key] for key in ("depth_of_best", "n_tail")}
    for point in built.points(5):
        before = built.terms(point)
        built.set_data(data_of(tails) | same)
        after, gradient = built.terms(point), built.gradient(point)
        built.set_data(built.data)
        assert after["seed_variance"].size == 0
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(after["loss"], before["loss"][kept])


@pytest.mark.parametrize("grid", [0.01, 0.0])
def test_trials_with_equal_seeds_have_a_finite_density(grid):
    scores = [[x, x] if place % 2 else [x] for place, x in enumerate(np.arange(40) / 100)]
    trials = ll.from_scores(scores, direction="minimize")
    tails = cut_tail(trials, tail_fraction=0.5, resolution=grid, max_effective_dim=3)
    assert (tails["sum_of_squares"] == 0).all()
    # Rounding to a grid has the variance of a uniform distribution.
    smallest = grid**2 / 12 if grid else (1e-4 * float(tails["tail_scale"][0])) ** 2
    np.testing.assert_allclose(data_of(tails)["observed_seed_variance"], smallest)
    built = Case(independent, tails)
    for point in [built.start, *built.points(3)]:
        assert all(np.isfinite(term).all() for term in built.terms(point).values())
    assert np.isfinite(built.gradient(built.start)).all()


OWNERS = {"loss": "tail_search", "in_regime": "group_search", "seed_variance": "seed_search"}


@pytest.mark.parametrize("name", ["hierarchical", "crossed"])
def test_each_search_has_the_likelihood_that_it_has_alone(name):
    built = case(name)
    point = built.points(1)[0]
    terms, values = built.terms(point), built.values(point)
    tails, alone = built.tails, {}
    names = {"tail_trial": "tail_search", "replicate_count": "group_search"}
    for number in range(5):
        own = tails.isel(
            search=[number],
            **{dim: tails[owner].to_numpy() == number for dim, owner in names.items()},
        )
        own = own.assign(tail_search=0 * own["tail_search"], group_search=0 * own["group_search"])
        single = alone.setdefault(structure(own), Case(independent, own, plain=True))
        single.set_data(data_of(own))
        given = {key: values[key][[number]] for key in ("gap", "noise_ratio", "reach")}
        expected = single.terms(given | {"effective_dim": values["effective_dim"][[number]]})
        # Narrow bins are differences of nearly equal probabilities, which costs digits. Beside
        # searches with a grid, one without has a grid of a ten-thousandth.
        rtol = 1e-9 if name == "crossed" else 1e-6
        for variable, owner in OWNERS.items():
            if variable in terms and variable in expected:
                got = terms[variable][built.data[owner] == number]
                np.testing.assert_allclose(got, expected[variable], rtol=rtol, atol=1e-6)
        sigma = values["noise_sd"][number]
        assert sigma == built.data["noise_scale"][number] * values["noise_ratio"][number]
        depth = (built.data["tail_scale"][number] + sigma / 2) * values["gap"][number]
        optimum = built.data["threshold"][number] + 2 * sigma - depth
        assert values["optimum"][number] == pytest.approx(optimum, rel=1e-12)


def test_searches_drawn_from_the_prior(built):
    tails = built.tails
    drawn = pm.sample_prior_predictive(
        model=built.model, draws=200, random_seed=3, compile_kwargs={"mode": REWRITTEN}
    )
    prior, predictive = drawn["prior"].isel(chain=0), drawn["prior_predictive"].isel(chain=0)
    # Crossed priors are conditioned on optima beyond their thresholds: other draws are discarded.
    valid = (prior["gap"] > 2 * crossed.NOT_BEYOND).all(
        [dim for dim in prior["gap"].dims if dim != "draw"]
    )
    assert valid.mean() > (0.3 if built.module is crossed else 0.999)
    prior, predictive = (group.isel(draw=valid.to_numpy()) for group in (prior, predictive))
    assert set(predictive) == {variable.name for variable in built.model.observed_RVs}
    assert predictive["loss"].shape == (valid.sum(), tails.sizes["tail_trial"])
    edge, scale = (
        tails[name].to_numpy()[tails["tail_search"]] for name in ("threshold", "tail_scale")
    )
    depth = (edge - predictive["loss"].to_numpy()) / scale
    assert np.isfinite(depth).all()
    assert depth.min() >= 0
    counts, trials = predictive["in_regime"].to_numpy(), tails["group_trials"].to_numpy()
    assert ((counts >= 0) & (counts <= trials)).all()
    if built.effective_dim != "integer":
        # The tail has the law's share of the trials with one seed each.
        own = (tails["group_search"] == 0).to_numpy() & (tails["group_replicates"] == 1).to_numpy()
        expected = prior["tail_fraction"].to_numpy()[:, 0]
        n = trials[own].sum()
        z = (counts[:, own].sum(1) - n * expected) / np.sqrt(n * expected * (1 - expected) + 1e-9)
        assert abs(z.mean()) < 4 / np.sqrt(len(z))
    if built.module is independent:
        # The tail scale is the median depth of the data: most searches drawn have nearly that.
        median = np.median(depth, axis=1)
        assert ((median > 1 / 3) & (median < 3)).mean() > 0.5
        assert np.median(median) == pytest.approx(1, abs=0.5)
        # Bins of other trials are repeated only on a grid.
        assert len(np.unique(depth[0].round(12))) > tails.sizes["tail_trial"] / 3
    if "seed_variance" in predictive:
        noise = prior["noise_sd"].to_numpy()[:, built.data["seed_search"]]
        ratio = predictive["seed_variance"].to_numpy() / noise**2
        # chi² with two degrees of freedom over 2: mean 1 and variance 1.
        assert ratio.mean() == pytest.approx(1, abs=4 / np.sqrt(ratio.size))
    if built.effective_dim == "integer":
        np.testing.assert_allclose(prior["effective_dim_probability"].sum("dimension"), 1)
    else:
        upper = tails["max_effective_dim"].to_numpy()
        assert ((prior["effective_dim"] >= 1) & (prior["effective_dim"] <= upper)).all()
