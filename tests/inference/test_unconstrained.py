"""A model at many points of the unconstrained space, against PyMC's own functions of one point."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from helpers import make_trials
from scipy import stats

from leadline.data.tails import cut_tail
from leadline.data.trials import Trials
from leadline.inference.unconstrained import UnconstrainedModel
from leadline.models import independent
from leadline.models.priors import Priors

PRIORS = Priors()
FREE = ("effective_dim", "noise_ratio", "gap", "reach")


@pytest.fixture(scope="module")
def pair():
    tail = cut_tail(make_trials(n=60), tail_fraction=0.4)
    model = independent.build(tail, PRIORS)
    return UnconstrainedModel(model), model, tail


def at(model, point):
    """Return a point by the names of its values, and PyMC's log-density there."""
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    named = {value.name: np.array([number]) for value, number in zip(values, point, strict=True)}
    return named, model.compile_logp()(named)


@pytest.mark.slow
def test_density_and_variables(pair):
    unconstrained, model, tail = pair
    points = unconstrained.start + np.random.default_rng(1).normal(size=(6, 4))
    density = unconstrained.log_density(points, tail.sizes["tail_trial"])
    variables = unconstrained.evaluate(points, chains=2, observations=1)[0]
    assert set(FREE) | {"optimum", "noise_sd", "spread", "tail_fraction"} == set(variables)
    assert variables["optimum"].dims == ("chain", "draw", "search")
    outputs = model.compile_fn(model.unobserved_value_vars)
    names = [variable.name for variable in model.unobserved_value_vars]
    for number, point in enumerate(points):
        named, expected = at(model, point)
        np.testing.assert_allclose(density[number], expected, rtol=1e-10)
        own = dict(zip(names, outputs(named), strict=True))
        for name in variables:
            found = variables[name].to_numpy().reshape(6, -1)[number]
            np.testing.assert_allclose(found, own[name], rtol=1e-10)


def test_a_point_outside_the_domain_leaves_the_others(pair):
    unconstrained, _, tail = pair
    points = np.tile(unconstrained.start, (5, 1))
    expected = unconstrained.log_density(points, tail.sizes["tail_trial"])
    # So much noise that the best and the worst loss round to the same number.
    points[3] = [-8.2, 36.0, -35.0, 16.0]
    density = unconstrained.log_density(points, tail.sizes["tail_trial"])
    assert density[3] == -np.inf
    np.testing.assert_array_equal(np.delete(density, 3), expected[1:])


def test_other_data(pair):
    unconstrained, _, tail = pair
    other = cut_tail(make_trials(n=90), tail_fraction=0.4)
    unconstrained.set_data(independent.data_of(other))
    found = unconstrained.log_density(unconstrained.start[None], 1)
    model = independent.build(other, PRIORS)
    np.testing.assert_allclose(found, at(model, unconstrained.start)[1], rtol=1e-10)
    # Else a fit would depend on what the process fitted before.
    np.testing.assert_array_equal(unconstrained.start, UnconstrainedModel(model).start)
    unconstrained.set_data(independent.data_of(tail))


def test_variables_without_a_transform():
    with pm.Model(coords={"own": ["a", "b"]}) as model:
        scale = pm.Data("scale", 2.0)
        mean = pm.Normal("mean", 0.0, scale, dims="own")
        pm.Normal("score", mean, 1.0, observed=[0.5, 1.0])
    unconstrained = UnconstrainedModel(model)
    points = np.arange(8.0).reshape(4, 2)
    variables, likelihood, prior = unconstrained.evaluate(points, chains=2, observations=2)
    np.testing.assert_array_equal(variables["mean"].sel(own="b"), [[1.0, 3.0], [5.0, 7.0]])
    expected = stats.norm.logpdf([0.5, 1.0], points)
    np.testing.assert_allclose(likelihood["score"].reshape(4, 2), expected)
    np.testing.assert_allclose(prior["mean"].reshape(4, 2), stats.norm.logpdf(points, scale=2.0))


def test_a_tail_without_repeated_trials_has_no_density_of_them():
    """Where trials beyond another threshold are repeated, the variable is there, and empty."""
    score = np.random.default_rng(2).random(60) ** 0.7
    table = pd.DataFrame({"task": "t", "model": "m", "trial": range(60), "score": score})
    worst = table.loc[[table["score"].idxmax()]].assign(replicate=1)
    table = pd.concat([table.assign(replicate=0), worst], ignore_index=True)
    tail = cut_tail(Trials(table, "minimize"), tail_fraction=0.2)
    unconstrained = UnconstrainedModel(independent.build(tail, PRIORS))
    points = np.tile(unconstrained.start, (6, 1))
    log_likelihood = unconstrained.evaluate(points, chains=2, observations=1)[1]
    assert log_likelihood["seed_variance"].shape == (2, 3, 0)
