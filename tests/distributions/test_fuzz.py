"""Any value and any parameters give a number, or an error outside the domain."""

import contextlib
import functools
import itertools
import warnings

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymc.logprob.utils import ParameterValueError

import leadline as ll

NAMES = {
    ll.Quadratic: ("alpha", "beta", "gamma"),
    ll.NoisyQuadratic: ("alpha", "beta", "gamma", "sigma"),
    ll.BestScore: ("alpha", "beta", "gamma", "sigma", "trials"),
}
FUNCTIONS = {"logp": pm.logp, "logcdf": pm.logcdf, "logccdf": pm.logccdf, "icdf": pm.icdf}
CASES = [(family, convex) for family in NAMES for convex in (True, False)]
FUZZ = settings(derandomize=True, database=None, deadline=None, max_examples=80)


def log_uniform(low, high):
    return st.floats(np.log(low), np.log(high)).map(lambda x: float(np.exp(x)))


EXTREME = [-np.inf, np.inf, 0.0, -0.0, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324]
# Distances from alpha in units of the spread and of the noise, and arbitrary values.
PLACES = st.one_of(
    st.tuples(st.just("spread"), st.floats(-2, 3)),
    st.tuples(st.just("spread"), log_uniform(1e-12, 1)),
    st.tuples(st.just("sigma"), st.floats(-60, 60)),
    st.tuples(st.just("far end"), st.floats(-60, 60)),
    st.tuples(st.just("value"), st.one_of(st.sampled_from(EXTREME), st.floats(allow_nan=False))),
)
PARAMETERS = st.fixed_dictionaries(
    {
        "alpha": st.one_of(st.just(0.0), st.floats(-10, 10)),
        "spread": log_uniform(1e-6, 1e6),
        "gamma": st.one_of(st.sampled_from([1.0, 2.0, 3.0, 4.0, 50.0]), log_uniform(0.05, 50)),
        "sigma": log_uniform(1e-6, 1e6),
        "trials": st.one_of(st.sampled_from([1.0, 2.0]), log_uniform(1, 1e6)),
    }
).map(lambda params: params | {"beta": params["alpha"] + params["spread"]})
# Smaller levels underflow when divided by the trials.
LEVELS = st.one_of(st.floats(0.001, 0.999), log_uniform(1e-300, 0.999), st.just(1 - 2.0**-53))


@functools.cache
def compiled(family, convex, name):
    """Return one of the functions of a distribution, of the value and the parameters."""
    value, *params = (pt.dscalar(each) for each in ("value", *NAMES[family]))
    output = FUNCTIONS[name](family.dist(*params, convex=convex), value)
    return pytensor.function([value, *params], output, mode="FAST_COMPILE")


def evaluate(family, convex, name, value, params):
    with warnings.catch_warnings():
        # The interpreted graph overflows on the way to ±inf.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(compiled(family, convex, name)(value, *(params[p] for p in NAMES[family])))


def value_of(place, params):
    unit, amount = place
    if unit == "value":
        return amount
    if unit == "far end":
        return params["beta"] + amount * params["sigma"]
    return params["alpha"] + amount * params[unit]


@pytest.mark.parametrize(("family", "convex"), CASES)
def test_densities_are_numbers_and_tails_add_up(family, convex):
    @FUZZ
    @given(PARAMETERS, PLACES)
    def check(params, place):
        value = value_of(place, params)
        if np.isfinite(value):
            # Farther away the square of the distance overflows, which has its own test.
            farthest = 1e150 * min(params["sigma"], 1.0)
            value = float(np.clip(value, -farthest, farthest))
        density = evaluate(family, convex, "logp", value, params)
        below = evaluate(family, convex, "logcdf", value, params)
        above = evaluate(family, convex, "logccdf", value, params)
        assert not np.isnan([density, below, above]).any()
        assert below <= 0
        assert above <= 0
        assert np.exp(below) + np.exp(above) == pytest.approx(1, abs=1e-9)
        if np.isinf(value):
            assert density == -np.inf
            assert (below, above) == ((0, -np.inf) if value > 0 else (-np.inf, 0))
        # Only the noiseless density may be infinite, and only at the optimum.
        optimum = params["alpha"] if convex else params["beta"]
        assert density < np.inf or (family is ll.Quadratic and value == optimum)

    check()


def test_values_whose_squared_distance_overflows():
    for family, convex in CASES:
        for value in (1e155, -1e155, 1.7e308, -1.7e308):
            for name in ("logp", "logcdf", "logccdf"):
                assert not np.isnan(evaluate(family, convex, name, value, GOOD))


@pytest.mark.parametrize(("family", "convex"), CASES)
def test_quantiles_are_numbers_in_order(family, convex):
    @FUZZ
    @given(PARAMETERS, st.lists(LEVELS, min_size=2, max_size=4))
    def check(params, levels):
        levels = sorted(levels)
        quantiles = np.array([evaluate(family, convex, "icdf", q, params) for q in levels])
        assert np.isfinite(quantiles).all()
        # Quantiles of two levels that differ by a rounding error may be out of order by one.
        slack = 1e-9 * (params["spread"] + params["sigma"] + abs(params["alpha"]))
        assert (np.diff(quantiles) >= -slack).all()
        if family is ll.Quadratic:
            return
        # The distribution function brackets the level within a rounding error of the score.
        for q, y in zip(levels, quantiles, strict=True):
            step = 1e-12 * params["sigma"] + 1e-15 * abs(y)
            ends = [evaluate(family, convex, "logcdf", at, params) for at in (y - step, y + step)]
            low, high = np.exp(ends)
            assert low - 1e-9 <= q <= high + 1e-9

    check()


GOOD = {"alpha": 0.0, "beta": 1.0, "gamma": 2.0, "sigma": 0.1, "trials": 5.0}
BAD = [
    ("gamma", (0.0, -1e-300, np.nan), "gamma > 0"),
    ("sigma", (0.0, -1.0, np.nan), "sigma > 0"),
    ("alpha", (1.0, 2.0, np.nan), "alpha < beta"),
    ("beta", (np.nan, -np.inf), "alpha < beta"),
    ("trials", (0.999, 0.0, np.nan), "trials >= 1"),
]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("family", "convex"), CASES)
def test_parameters_outside_their_domain_are_errors(family, convex, name):
    assert np.isfinite(evaluate(family, convex, name, 0.5, GOOD))
    for param, wrong, words in BAD:
        if param in NAMES[family]:
            for bad, value in itertools.product(wrong, (0.5, 0.0, 1.0)):
                with pytest.raises(ParameterValueError, match=words):
                    evaluate(family, convex, name, value, GOOD | {param: bad})


@pytest.mark.parametrize(("family", "convex"), CASES)
def test_a_level_outside_the_unit_interval_is_an_error_or_nan(family, convex):
    for level in (-0.1, 1.1, np.nan):
        with contextlib.suppress(ParameterValueError):
            assert np.isnan(evaluate(family, convex, "icdf", level, GOOD))
