"""The scaling law of optima: the formula, its bound, and the same model in one stage and in two."""

import functools

import numpy as np
import pymc as pm
import pytest
from helpers_models import SIZES, Case, Evaluator, kernels_of_tails, make_tails

import leadline as ll
from leadline.distributions.smooth_paths import SMOOTH_SHARE
from leadline.models import population, scaling

SIZE = np.array([1e6, 3e6, 1e7, 3e7, 2e8])
DATA = np.array([3e8, 1e8, 1e9, 3e9, 1e9])


def tails_of(data=True, least=-np.inf, direction="minimize"):
    tails = make_tails(SIZES, direction=direction)
    tails = tails.assign(size=("search", SIZE), least_loss=("search", np.full(len(SIZE), least)))
    return tails.assign(data=("search", DATA)) if data else tails


@functools.cache
def shared(data=True, least=-np.inf, direction="minimize"):
    """Return the model of the shared parameters alone."""
    tails = tails_of(data, least, direction)
    kernels = kernels_of_tails(tails)
    model = population.build(kernels, tails, ll.Priors(), "scaling")
    return Evaluator(model, population.data_of(kernels, tails, "scaling"))


@pytest.mark.parametrize("data", [True, False])
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_mean_of_the_optima_is_the_law_and_the_smooth_misfit(data, direction):
    evaluator = shared(data, direction=direction)
    sign = 1.0 if direction == "minimize" else -1.0
    for point in evaluator.points(3):
        values = evaluator.values(point)
        total, powers = values["size_part"] + (values["data_part"] if data else 0.0), 0.0
        for name, known in (("size", SIZE), ("data", DATA)):
            if name == "size" or data:
                ratio = known / np.exp(np.log(known).mean())
                share = values[f"{name}_part"] / total
                powers = powers + share * ratio ** -values[f"{name}_exponent"]
                assert 0 < values[f"{name}_exponent"] < scaling.LARGEST_EXPONENT
        assert ("outer_exponent" in values) == data
        law = sign * values["irreducible"] + total * powers ** values.get("outer_exponent", 1.0)
        law = law + sign * values["smooth_misfit"]
        np.testing.assert_allclose(values["population_mean"][:, 2], law, rtol=1e-10)
        own = np.sqrt(1.0 - SMOOTH_SHARE) * values["misfit"]
        np.testing.assert_allclose(values["population_sd"][:, 2], own)
        assert all(np.isfinite(term).all() for term in evaluator.terms(point).values())


def test_the_irreducible_loss_is_within_the_bound_of_the_score():
    evaluator = shared(least=-3.0)
    for point in evaluator.points(50, width=6.0):
        assert evaluator.values(point)["irreducible"] >= -3.0
    assert "law_least" in evaluator.data


def test_the_unit_does_not_depend_on_the_best_score():
    tails = tails_of()
    best = np.flatnonzero(tails["loss"] == tails["loss"].min())
    loss = tails["loss"].to_numpy().copy()
    loss[best] -= 10.0
    other = tails.assign(loss=("tail_trial", loss), best_loss=tails["best_loss"] - 10.0)
    for name, value in scaling.law_data(tails).items():
        np.testing.assert_array_equal(scaling.law_data(other)[name], value)


def test_smooth_misfits_are_alike_for_like_sizes():
    tails = tails_of()
    size = np.array([1e6, 1.01e6, 1e7, 3e7, 2e8])
    tails = tails.assign(size=("search", size), data=("search", np.full(5, 1e9) * size / 1e6))
    kernels = kernels_of_tails(tails)
    model = population.build(kernels, tails, ll.Priors(), "scaling", observe=False)
    prior = pm.draw([model["smooth_misfit"], model["misfit"]], draws=2000, random_seed=1)
    scaled = prior[0] / prior[1][:, None]
    np.testing.assert_allclose(scaled.std(axis=0), np.sqrt(SMOOTH_SHARE), atol=0.05)
    correlation = np.corrcoef(scaled.T)
    assert correlation[0, 1] > 0.99
    assert correlation[0, 1] > correlation[0, 2] > correlation[0, 4]


@pytest.mark.slow
def test_the_joint_model_has_the_variables_of_the_shared_one():
    joint = Case(scaling, tails_of())
    names = {own.name for own in joint.model.free_RVs}
    own = {"noise_ratio", "effective_dim_offset", "gap", "reach"}
    assert names - own == {variable.name for variable in shared().model.free_RVs}
    for point in joint.points(2):
        assert all(np.isfinite(term).all() for term in joint.terms(point).values())
        assert np.isfinite(joint.gradient(point)).all()
