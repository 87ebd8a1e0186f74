"""Bounds of the scores: depths are below their limit, and their prior is what it is without."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import PYTHON, SIZES, make_tails
from scipy import stats

import leadline as ll
from leadline.data.scale import SCALES
from leadline.data.tails import least_loss
from leadline.models import crossed, hierarchical, independent
from leadline.models.likelihood import structure

# Distances of the bounds to the best losses. The first is at the best loss itself.
ROOM = np.array([0.0, 0.01, 0.3, 1e3, np.inf])
CASES = {
    "single": (independent, (30,), "continuous"),
    "single_integer": (independent, (30,), "integer"),
    "hierarchical_integer": (hierarchical, SIZES, "integer"),
    "hierarchical": (hierarchical, SIZES, "continuous"),
    "crossed": (crossed, SIZES, "continuous"),
}


# Building and differentiating a joint model takes seconds.
EACH = [pytest.param(name, marks=[pytest.mark.slow] * (name != "single")) for name in CASES]


def bounded_tails(sizes, room=ROOM):
    tails = make_tails(sizes)
    least = tails["best_loss"].to_numpy() - room[: len(sizes)]
    return tails.assign(least_loss=("search", least))


def limits(tails, sigma):
    edge, scale = tails["threshold"] + 2 * sigma, tails["tail_scale"] + sigma / 2
    return ((edge - tails["least_loss"]) / scale).to_numpy()


def function_of(model, outputs):
    return model.compile_fn(
        outputs, inputs=model.value_vars, point_fn=True, on_unused_input="ignore", mode=PYTHON
    )


@pytest.mark.parametrize(
    ("module", "dim", "name"),
    [
        (independent, "continuous", "gap"),
        pytest.param(hierarchical, "integer", "gap_coordinate", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("room", [0.0, 0.3])
def test_the_mass_of_the_coordinate_is_the_probability_of_the_limit(module, dim, name, room):
    tails = bounded_tails((30,), np.array([room]))
    model = module.build(tails, ll.Priors(), dim)
    variable = model[name]
    value = model.rvs_to_values[variable].name
    density = function_of(model, model.logp(vars=[variable], sum=False)[0].sum())
    point = model.initial_point(random_seed=1)
    x = np.linspace(-40, 20, 301)
    mass = np.trapezoid([np.exp(density(point | {value: np.array([own])})) for own in x], x)
    names = ["noise_sd"] + ["pooled_gap", "gap_scatter"] * (module is hierarchical)
    of_point = model.replace_rvs_by_values([model[one] for one in names])
    sigma, *shared = (float(np.ravel(one)[0]) for one in function_of(model, of_point)(point))
    median, sd = shared or (np.exp(0.693), 1.0)
    prior = stats.lognorm(sd, scale=median)
    assert mass == pytest.approx(prior.cdf(limits(tails, sigma)[0]), abs=1e-4)


@pytest.mark.parametrize("name", EACH)
def test_a_distant_bound_changes_no_density(name):
    module, sizes, dim = CASES[name]
    free = module.build(make_tails(sizes), ll.Priors(), dim)
    tails = bounded_tails(sizes, np.full(len(sizes), 1e9))
    bounded = module.build(tails, ll.Priors(), dim)
    assert structure(tails) != structure(make_tails(sizes))
    point = free.initial_point(random_seed=1)
    (logp, gradient), (expected, expected_gradient) = (
        function_of(model, [model.logp(), model.dlogp()])(point) for model in (bounded, free)
    )
    np.testing.assert_allclose(logp, expected, rtol=1e-9)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-7)


@pytest.mark.parametrize("name", EACH)
def test_gradients_are_finite_and_prior_draws_are_within_the_bounds(name):
    module, sizes, dim = CASES[name]
    tails = bounded_tails(sizes)
    model = module.build(tails, ll.Priors(), dim)
    rng = np.random.default_rng(3)
    gradient = model.compile_dlogp(mode=PYTHON)
    start = model.initial_point(random_seed=1)
    for _ in range(5):
        point = {key: value + rng.uniform(-2, 2, value.shape) for key, value in start.items()}
        assert np.isfinite(gradient(point)).all()
    names = ["gap", "optimum"]
    _, optima = pm.draw([model[one] for one in names], draws=50, random_seed=1, mode=PYTHON)
    assert (optima >= tails["least_loss"].to_numpy()).all()


def test_the_least_loss_follows_the_direction_and_the_scale():
    identity, log, logit = (SCALES[name] for name in ("identity", "log", "logit"))
    assert least_loss((0.0, 1.0), 1.0, identity) == 0.0
    assert least_loss((0.0, 1.0), -1.0, identity) == -1.0
    assert least_loss((-np.inf, 1.0), 1.0, identity) == -np.inf
    # The scale ends there, so that no loss can be beyond.
    assert least_loss((0.0, 1.0), 1.0, log) == -np.inf
    assert least_loss((0.0, 1.0), -1.0, logit) == -np.inf
    assert least_loss((0.0, 100.0), -1.0, log) == -np.log(100.0)
