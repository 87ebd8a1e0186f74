"""Bounds of the scores: depths are below their limit, and their prior has the mass 1 there."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import PYTHON, SIZES, make_tails
from pymc.model.transform.conditioning import remove_value_transforms
from scipy import stats

import leadline as ll
from leadline.data.scale import SCALES
from leadline.data.tails import least_loss
from leadline.distributions.special import log_normal_interval
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


def bounded_tails(sizes, room=ROOM):
    tails = make_tails(sizes)
    least = tails["best_loss"].to_numpy() - room[: len(sizes)]
    return tails.assign(least_loss=("search", least))


def limits(tails):
    return ((tails["threshold"] - tails["least_loss"]) / tails["tail_scale"]).to_numpy()


def function_of(model, outputs):
    return model.compile_fn(
        outputs, inputs=model.value_vars, point_fn=True, on_unused_input="ignore", mode=PYTHON
    )


@pytest.mark.parametrize("name", ["single", "hierarchical", "crossed"])
def test_the_prior_of_a_bounded_depth_has_the_mass_one(name):
    module, sizes, dim = CASES[name]
    tails = bounded_tails(sizes)
    model = remove_value_transforms(module.build(tails, ll.Priors(), dim))
    density = function_of(model, model.logp(vars=[model["gap"]], sum=False)[0])
    point = model.initial_point(random_seed=1)
    limit = limits(tails)
    # The longest tail of the priors ends here.
    far = np.minimum(limit, 3e3)
    u, weight = np.polynomial.legendre.leggauss(400)
    edge = np.log(1e-6)
    log_gap = edge + np.multiply.outer((u + 1) / 2, np.log(far) - edge)
    mass = sum(
        w * (np.log(far) - edge) / 2 * np.exp(density(point | {"gap": np.exp(own)}) + own)
        for own, w in zip(log_gap, weight, strict=True)
    )
    np.testing.assert_allclose(mass, 1.0, rtol=2e-5)
    beyond = density(point | {"gap": np.minimum(limit * (1 + 1e-6), 1e7)})
    assert (beyond[np.isfinite(limit)] == -np.inf).all()


@pytest.mark.parametrize(
    ("module", "dim", "name"),
    [(independent, "continuous", "gap"), (hierarchical, "integer", "gap_coordinate")],
)
@pytest.mark.parametrize("room", [0.0, 0.3])
def test_the_density_of_the_coordinate_has_the_mass_one(module, dim, name, room):
    model = module.build(bounded_tails((30,), np.array([room])), ll.Priors(), dim)
    variable = model[name]
    value = model.rvs_to_values[variable].name
    density = function_of(model, model.logp(vars=[variable], sum=False)[0].sum())
    point = model.initial_point(random_seed=1)
    x = np.linspace(-40, 20, 3001)
    mass = np.trapezoid([np.exp(density(point | {value: np.array([own])})) for own in x], x)
    assert mass == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("name", list(CASES))
def test_a_distant_bound_changes_no_density(name):
    module, sizes, dim = CASES[name]
    free = module.build(make_tails(sizes), ll.Priors(), dim)
    tails = bounded_tails(sizes, np.full(len(sizes), 1e9))
    bounded = module.build(tails, ll.Priors(), dim)
    assert structure(tails) != structure(make_tails(sizes))
    point = free.initial_point(random_seed=1)
    np.testing.assert_allclose(
        bounded.compile_logp(mode=PYTHON)(point), free.compile_logp(mode=PYTHON)(point), rtol=1e-9
    )
    np.testing.assert_allclose(
        bounded.compile_dlogp(mode=PYTHON)(point), free.compile_dlogp(mode=PYTHON)(point), rtol=1e-7
    )


@pytest.mark.parametrize("name", list(CASES))
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
    depths = pm.draw(model["gap"], draws=50, random_seed=1, mode=PYTHON)
    assert (depths < limits(tails)).all()


def test_the_least_loss_follows_the_direction_and_the_scale():
    identity, log, logit = (SCALES[name] for name in ("identity", "log", "logit"))
    assert least_loss((0.0, 1.0), 1.0, identity) == 0.0
    assert least_loss((0.0, 1.0), -1.0, identity) == -1.0
    assert least_loss((-np.inf, 1.0), 1.0, identity) == -np.inf
    # The scale ends there, so that no loss can be beyond.
    assert least_loss((0.0, 1.0), 1.0, log) == -np.inf
    assert least_loss((0.0, 1.0), -1.0, logit) == -np.inf
    assert least_loss((0.0, 100.0), -1.0, log) == -np.log(100.0)


def test_the_probability_of_an_interval_keeps_its_digits_in_both_tails():
    low = np.array([-40.0, -1.0, 30.0, -1e9, 3.0])
    high = np.array([-39.0, 2.0, 31.0, 0.0, 1e9])
    mirrored = low > 0
    a, b = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    upper = stats.norm.logcdf(b)
    expected = upper + np.log1p(-np.exp(stats.norm.logcdf(a) - upper))
    found = log_normal_interval(low, high).eval()
    np.testing.assert_allclose(found, expected, rtol=1e-12)
